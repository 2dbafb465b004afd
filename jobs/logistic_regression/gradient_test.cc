#include "jobs/logistic_regression/gradient.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

#include <millrace/error.h>

namespace millrace::jobs {
namespace {

struct Point {
  std::vector<double> x;
  int label;
};

std::vector<double> naive_gradient(const std::vector<Point>& points, const std::vector<double>& weights) {
  std::vector<double> sum(weights.size());
  for (const Point& point : points) {
    double margin = 0;
    for (std::size_t j = 0; j < weights.size(); ++j) margin += weights[j] * point.x[j];
    for (std::size_t j = 0; j < weights.size(); ++j) sum[j] += (point.label - 1 / (1 + std::exp(-margin))) * point.x[j];
  }
  return sum;
}

std::string line_of(const Point& point) {
  std::string line;
  char number[32];
  for (const double x : point.x) {
    std::snprintf(number, sizeof number, "%.17g,", x);
    line += number;
  }
  return line + std::to_string(point.label);
}

TEST(GradientTest, AgreesWithTheFormula) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  for (const std::size_t features : {1, 2, 3, 10, 33}) {
    for (const std::size_t rows : {std::size_t{1}, std::size_t{7}, std::size_t{8}, PointBlock::capacity}) {
      std::vector<Point> points;
      PointReader reader(features);
      for (std::size_t i = 0; i < rows; ++i) {
        Point point{std::vector<double>(features), static_cast<int>(random() % 2)};
        for (double& x : point.x) x = normal(random);
        reader.add(line_of(point));
        points.push_back(std::move(point));
      }
      EXPECT_EQ(reader.full(), rows == PointBlock::capacity);
      EXPECT_EQ(reader.block().rows, rows);
      std::vector<double> weights(features);
      for (double& weight : weights) weight = normal(random);
      std::vector<double> gradient(features);
      add_gradient(reader.block(), weights, gradient);
      const std::vector<double> expected = naive_gradient(points, weights);
      for (std::size_t j = 0; j < features; ++j)
        EXPECT_NEAR(gradient[j], expected[j], 1e-12 * static_cast<double>(rows));
    }
  }
}

TEST(GradientTest, LargeMarginsNeitherOverflowNorLoseTheSum) {
  PointReader reader(1);
  for (const char* line : {"1e6,1", "-1e6,1", "1e6,0", "-1e6,0", "0,1"}) reader.add(line);
  std::vector<double> gradient = {0.5};
  add_gradient(reader.block(), std::vector<double>{1.0}, gradient);
  EXPECT_DOUBLE_EQ(gradient[0], 0.5 - 2e6);  // the two that are wrong, each with its whole feature
}

TEST(GradientTest, TheBytesOfABlockMayLieAnywhere) {
  PointReader reader(2);
  reader.add("1.5,-2,1");
  reader.add("0.25,3,0");
  std::vector<double> expected(2);
  add_gradient(reader.block(), std::vector<double>{0.1, 0.2}, expected);
  std::string moved = "x" + std::string(reader.block().values);
  std::vector<double> gradient(2);
  add_gradient({2, std::string_view(moved).substr(1)}, std::vector<double>{0.1, 0.2}, gradient);
  EXPECT_EQ(gradient, expected);
}

TEST(PointBlockTest, ValuesOfEncodedBlocksKeepTheirAlignment) {
  PointReader reader(3);
  reader.add("1,2,3,1");
  const PointBlock block = reader.block();
  const std::size_t size = Codec<PointBlock>::size(block);
  EXPECT_EQ(size % PointBlock::alignment, 0u);
  std::vector<std::byte> bytes(2 * size);
  ASSERT_EQ(Codec<PointBlock>::encode(block, Codec<PointBlock>::encode(block, bytes.data())), bytes.data() + 2 * size);
  const std::byte* at = bytes.data();
  for (int i = 0; i < 2; ++i) {
    const PointBlock decoded = Codec<PointBlock>::decode(at, bytes.data() + bytes.size());
    EXPECT_EQ(decoded.rows, 1u);
    EXPECT_EQ(decoded.values, block.values);
    EXPECT_EQ((decoded.values.data() - reinterpret_cast<const char*>(bytes.data())) % PointBlock::alignment, 0);
  }
  at = bytes.data();
  EXPECT_THROW(Codec<PointBlock>::decode(at, bytes.data() + size - 1), Error);
}

TEST(PointReaderTest, RefusesLinesThatAreNoPoints) {
  for (const char* line :
       {"", "1,2", "1,2,3,1", "1,,1", "1,x,1", "1,2,2", "1,2,0.5", "1,nan,1", "1,inf,1", "1,2,1x", "1;2;1"}) {
    PointReader reader(2);
    EXPECT_THROW(reader.add(line), Error) << line;
    EXPECT_TRUE(reader.empty()) << line;
  }
}

TEST(PointReaderTest, TakesBlanksAndCarriageReturns) {
  PointReader reader(2);
  reader.add(" 1 ,\t-2.5e0 , 1\r");
  double x[2];
  const PointBlock block = reader.block();
  std::memcpy(&x[0], block.values.data(), sizeof(double));
  std::memcpy(&x[1], block.values.data() + PointBlock::lanes * sizeof(double), sizeof(double));
  EXPECT_EQ(x[0], 1);
  EXPECT_EQ(x[1], -2.5);
  reader.clear();
  EXPECT_TRUE(reader.empty());
  EXPECT_EQ(reader.block().values.find_first_not_of('\0'), std::string::npos);
}

}  // namespace
}  // namespace millrace::jobs
