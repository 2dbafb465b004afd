#include "jobs/stream/job_properties.h"

#include <algorithm>
#include <gtest/gtest.h>

#include <millrace/error.h>

#include "jobs/stream/property_names.h"

namespace millrace::jobs::stream {
namespace {

TEST(PropertyNames, SortedAndNeverChained) {
  const auto names = renamed_properties();
  EXPECT_TRUE(
      std::is_sorted(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.old_name < b.old_name; }));
  for (const PropertyName& name : names) {
    EXPECT_EQ(current_property_name(name.old_name), name.current_name);
    EXPECT_EQ(current_property_name(name.current_name), name.current_name) << name.old_name;
  }
}

TEST(JobProperties, OldAndNewNamesAreOneProperty) {
  JobProperties properties;
  properties.set("mapred.reduce.tasks", "3");
  EXPECT_EQ(properties.get("mapreduce.job.reduces"), "3");
  properties.set("mapreduce.job.reduces", "4");
  EXPECT_EQ(properties.get_int("mapred.reduce.tasks", 0, 0, 10), 4);
  properties.set("map.output.key.field.separator", ".");
  EXPECT_EQ(properties.get("mapreduce.map.output.key.field.separator"), ".");
  EXPECT_EQ(properties.all().size(), 2u);
}

TEST(JobProperties, ExpandsNames) {
  JobProperties properties;
  properties.set("base", "/data");
  properties.set("in", "${base}/in/${nothing}");
  properties.set("loop", "x${loop}");
  EXPECT_EQ(properties.get("in"), "/data/in/${nothing}");
  EXPECT_FALSE(properties.get("loop").empty());
  properties.set("bomb", "${bomb}${bomb}${bomb}${bomb}");
  EXPECT_LT(properties.get("bomb").size(), 10000u);
}

TEST(JobProperties, RefusesWrongValues) {
  JobProperties properties;
  properties.set("a", "maybe");
  EXPECT_THROW(properties.get_bool("a", true), Error);
  EXPECT_THROW(properties.get_int("a", 1, 0, 9), Error);
  properties.set("a", "10");
  EXPECT_THROW(properties.get_int("a", 1, 0, 9), Error);
  EXPECT_EQ(properties.get_int("b", 7, 0, 9), 7);
}

TEST(JobProperties, ReadsAConfigurationFile) {
  JobProperties properties;
  properties.add_configuration(R"(<?xml version="1.0"?>
<!-- a comment with <property> in it -->
<configuration>
  <property><name>a.b</name><value>1 &lt; 2</value><final>true</final></property>
  <property>
    <name> mapred.reduce.tasks </name>
    <value>5</value>
    <description>how many</description>
  </property>
  <property><name>tab</name><value>&#9;</value></property>
  <property><name>none</name><value/></property>
</configuration>)",
                               "site.xml");
  EXPECT_EQ(properties.get("a.b"), "1 < 2");
  EXPECT_EQ(properties.get("mapreduce.job.reduces"), "5");
  EXPECT_EQ(properties.get("tab"), "\t");
  EXPECT_TRUE(properties.has("none"));
}

TEST(JobProperties, RefusesWhatIsNoConfigurationFile) {
  for (const char* xml : {"", "{}", "<configuration>", "<configuration><property></property></configuration>",
                          "<configuration><property><name>a</property></configuration>", "<x/>",
                          "<configuration><property><name>&bad;</name></property></configuration>"}) {
    JobProperties properties;
    EXPECT_THROW(properties.add_configuration(xml, "f.xml"), Error) << xml;
  }
}

TEST(EnvironmentName, KeepsLettersAndDigits) {
  EXPECT_EQ(environment_name("mapreduce.map-input.file"), "mapreduce_map_input_file");
}

}  // namespace
}  // namespace millrace::jobs::stream
