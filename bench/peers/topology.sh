#!/bin/bash
# Merge trees beside the peers that are here, in alternation.
#   bench/peers/topology.sh BENCH_TOPOLOGY [GUDHI_SOURCE [TTK_SOURCE]]
# BENCH_OPTIONS (--large, --case 41^3) are handed on. BENCH_TOPOLOGY is the built program, the others are checkouts of GUDHI/gudhi-devel and topology-tool-kit/ttk.
set -u
here=$(cd "$(dirname "$0")" && pwd)
bench=${1:?the built bench_topology}
gudhi=${2:-}
ttk=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
peers=()
if [ -n "$gudhi" ] && [ -f "$gudhi/src/Persistent_cohomology/include/gudhi/Persistence_on_rectangle.h" ]; then
    if c++ -std=c++17 -O3 -march=native -DNDEBUG -I"$gudhi/src/Persistent_cohomology/include" \
        -I"$gudhi/src/common/include" "$here/gudhi_rectangle.cpp" -o "$work/gudhi_rectangle"; then
        peers+=("gudhi-rectangle:box:2:$work/gudhi_rectangle")
    else
        echo "skipped: GUDHI's rectangle does not compile here (needs boost headers)"
    fi
else
    echo "skipped: no GUDHI sources given; Persistence_on_rectangle is not measured"
fi
if [ -n "$ttk" ] && [ -d "$ttk/core/base/ftmTree" ]; then
    base=$ttk/core/base
    # What TTK's own build would configure: the layout of its cell array.
    cp "$base/skeleton/CellArray_new.h" "$work/CellArray.h"
    includes=("-I$work")
    sources=("$here/ttk_ftm.cpp")
    for folder in "$base"/*/; do includes+=("-I${folder%/}"); done
    for folder in common geometry ftmTree abstractTriangulation implicitTriangulation periodicImplicitTriangulation \
        regularGridTriangulation \
        explicitTriangulation compactTriangulation triangulation skeleton boundingVolumeHierarchy; do
        for source in "$base/$folder"/*.cpp; do [ -f "$source" ] && sources+=("$source"); done
    done
    if (cd "$work" && for source in "${sources[@]}"; do
        c++ -std=c++17 -O3 -march=native -DNDEBUG -DTTK_CELL_ARRAY_NEW -DTTK_ENABLE_KAMIKAZE -w "${includes[@]}" -c "$source" || exit 1
    done && c++ ./*.o -o ttk_ftm); then
        peers+=("ttk-ftm:freudenthal:3:$work/ttk_ftm")
    else
        echo "skipped: TTK does not compile here"
    fi
else
    echo "skipped: no TTK sources given; FTM is not measured"
fi
if /usr/bin/python3 -c 'import gudhi, numpy' 2>/dev/null; then
    peers+=("gudhi-cubical:box:3:/usr/bin/python3 $here/gudhi_cubical.py")
else
    echo "skipped: Debian's python3-gudhi is not installed"
fi
"$bench" ${BENCH_OPTIONS:-} "${peers[@]}"
