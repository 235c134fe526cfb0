// Times TTK's FTM join tree of a float32 grid of 2 or 3 axes on one thread, the triangulation implicit and the
// vertex order included. usage: ttk_ftm FIELD.raw REPETITIONS EXTENTS...; prints "ms minima".
#include <FTMTree.h>
#include <OrderDisambiguation.h>
#include <Triangulation.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6) return 2;
    const int rank = argc - 3;
    std::vector<int> shape;
    std::size_t count = 1;
    for (int axis = 0; axis < rank; axis++) {
        shape.push_back(std::atoi(argv[3 + axis]));
        count *= std::size_t(shape.back());
    }
    std::vector<float> values(count);
    std::FILE *file = std::fopen(argv[1], "rb");
    if (!file || std::fread(values.data(), 4, count, file) != count) return 1;
    ttk::Triangulation grid;
    grid.setDebugLevel(0);
    // The last axis is TTK's x.
    grid.setInputGrid(0, 0, 0, 1, 1, 1, shape[rank - 1], shape[rank - 2], rank == 3 ? shape[0] : 1);
    double best = 1e300;
    long minima = 0;
    for (int repetition = 0; repetition < std::atoi(argv[2]); repetition++) {
        auto start = std::chrono::steady_clock::now();
        std::vector<ttk::SimplexId> order(count);
        ttk::sortVertices(count, values.data(), static_cast<int *>(nullptr), order.data(), 1);
        ttk::ftm::FTMTree tree;
        tree.setDebugLevel(0);
        tree.setThreadNumber(1);
        tree.preconditionTriangulation(&grid, true);
        tree.setVertexScalars(values.data());
        tree.setVertexSoSoffsets(order.data());
        tree.setTreeType(int(ttk::ftm::TreeType::Join));
        tree.setSegmentation(false);
        tree.setNormalizeIds(false);
        if (grid.getType() == ttk::Triangulation::Type::IMPLICIT)
            tree.build<float>(static_cast<ttk::ImplicitWithPreconditions *>(grid.getData()));
        else
            tree.build<float>(static_cast<ttk::ImplicitNoPreconditions *>(grid.getData()));
        double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
        if (ms < best) best = ms;
        minima = long(tree.getTree(ttk::ftm::TreeType::Join)->getNumberOfLeaves());
    }
    std::printf("%.6f %ld\n", best, minima);
}
