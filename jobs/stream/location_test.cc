#include "jobs/stream/location.h"

#include <cstdlib>
#include <gtest/gtest.h>

#include <millrace/error.h>

namespace millrace::jobs::stream {
namespace {

TEST(Location, LocalNames) {
  EXPECT_EQ(local_path("a/b"), "a/b");
  EXPECT_EQ(local_path("/a:b"), "/a:b");
  EXPECT_EQ(local_path("a:b"), "a:b");
  EXPECT_EQ(local_path("file:///a/b"), "/a/b");
  EXPECT_EQ(local_path("file:/a/b"), "/a/b");
  EXPECT_EQ(local_path("file://localhost/a"), "/a");
}

TEST(Location, HdfsNeedsAStandIn) {
  unsetenv("MILLRACE_HDFS_ROOT");
  try {
    local_path("hdfs://host:9000/a");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("MILLRACE_HDFS_ROOT"), std::string::npos);
  }
  setenv("MILLRACE_HDFS_ROOT", "/root", 1);
  EXPECT_EQ(local_path("hdfs://host:9000/a"), "/root/a");
  EXPECT_EQ(local_path("hdfs:///a/b"), "/root/a/b");
  EXPECT_EQ(local_path("hdfs://host"), "/root/");
  unsetenv("MILLRACE_HDFS_ROOT");
}

TEST(Location, OthersAreRefused) {
  EXPECT_THROW(local_path("s3://bucket/x"), Error);
  EXPECT_THROW(local_path("file://elsewhere/x"), Error);
}

TEST(Location, Prefixes) {
  EXPECT_EQ(location_prefix("hdfs://h:1/a/b"), "hdfs://h:1");
  EXPECT_EQ(location_prefix("file:///a"), "file://");
  EXPECT_EQ(location_prefix("file:/a"), "file:");
  EXPECT_EQ(location_prefix("/a"), "");
  EXPECT_EQ(qualified_location("/a/../b"), "file:///b");
  EXPECT_EQ(qualified_location("file:/b"), "file:///b");
  EXPECT_EQ(qualified_location("hdfs:///b"), "hdfs:///b");
}

}  // namespace
}  // namespace millrace::jobs::stream
