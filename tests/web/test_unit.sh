#!/usr/bin/env bash
# Unit tests of the web application: geometry, topology, scales, permalinks, records, layers, drawings.
set -euo pipefail
cd "$LOSSLENS_SOURCE/web"
command -v node >/dev/null || { echo "skipped: Node.js is not installed (tools/setup installs it)"; exit 77; }
[ -x node_modules/.bin/vitest ] || { echo "skipped: the web application is not installed (tools/build_web)"; exit 77; }
exec node node_modules/vitest/vitest.mjs run --reporter=dot
