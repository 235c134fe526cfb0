// Times GUDHI's persistence of a 2-D float32 field with the values at the top cells (box connectivity, H0 and
// H1 together). usage: gudhi_rectangle FIELD.raw REPETITIONS ROWS COLUMNS; prints "ms minima".
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <gudhi/Persistence_on_rectangle.h>
#include <vector>

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    unsigned rows = std::strtoul(argv[3], nullptr, 10), columns = std::strtoul(argv[4], nullptr, 10);
    std::vector<float> values(std::size_t(rows) * columns);
    std::FILE *file = std::fopen(argv[1], "rb");
    if (!file || std::fread(values.data(), 4, values.size(), file) != values.size()) return 1;
    double best = 1e300;
    long minima = 0;
    for (int repetition = 0; repetition < std::atoi(argv[2]); repetition++) {
        // Zero-persistence pairs are not reported there; on fields without ties nothing is lost.
        std::vector<std::pair<float, float>> components, loops;
        auto start = std::chrono::steady_clock::now();
        Gudhi::cubical_complex::persistence_on_rectangle_from_top_cells(
            values.data(), rows, columns, [&](float b, float d) { components.emplace_back(b, d); },
            [&](float b, float d) { loops.emplace_back(b, d); });
        double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
        if (ms < best) best = ms;
        minima = long(components.size()) + 1;
    }
    std::printf("%.6f %ld\n", best, minima);
}
