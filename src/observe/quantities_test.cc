#include "observe/quantities.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>

namespace millrace::observe {
namespace {

TEST(QuantitiesTest, Bytes) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.00 KiB");
  EXPECT_EQ(bytes_text(1024.0 * 1023.9), "1.00 MiB");
  EXPECT_EQ(bytes_text(1.5 * (1 << 30)), "1.50 GiB");
  EXPECT_EQ(bytes_text(310.0 * (1 << 20)), "310 MiB");
  EXPECT_EQ(bytes_text(1.8e19), "15.6 EiB");
  EXPECT_EQ(rate_text(1 << 20, 2), "512 KiB/s");
  EXPECT_EQ(rate_text(1 << 20, 0), "");
}

TEST(QuantitiesTest, Durations) {
  EXPECT_EQ(duration_text(0), "0 us");
  EXPECT_EQ(duration_text(999), "999 us");
  EXPECT_EQ(duration_text(12'340), "12.3 ms");
  EXPECT_EQ(duration_text(999'600), "1.00 s");
  EXPECT_EQ(duration_text(4'560'000), "4.56 s");
  EXPECT_EQ(duration_text(99'960'000), "1:40");
  EXPECT_EQ(duration_text(187'000'000), "3:07");
  EXPECT_EQ(duration_text(3'787'000'000), "1:03:07");
}

TEST(QuantitiesTest, CountsAndRatios) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(1'234'567), "1,234,567");
  EXPECT_EQ(signed_count_text(-1234), "-1,234");
  EXPECT_EQ(signed_count_text(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
  EXPECT_EQ(ratio_text(1.25), "1.25x");
  EXPECT_EQ(ratio_text(0), "-");
  EXPECT_EQ(percent_text(1, 3), "33%");
  EXPECT_EQ(percent_text(1, 0), "-");
}

}  // namespace
}  // namespace millrace::observe
