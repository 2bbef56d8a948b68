// SPDX-License-Identifier: Apache-2.0
#include "gamut/io/opencv_yaml.h"

#include "gamut/core/error.h"
#include "support/message_of.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gamut::io {
namespace opencv_yaml_test {

using gamut::testing::message_of;

nlohmann::json parsed(const std::string& body) {
  return parse_opencv_yaml("%YAML:1.0\n---\n" + body, "f.yml");
}

std::string message(const std::string& body) {
  return message_of<DataError>([&] { parsed(body); });
}

// Both forms of the first line, as OpenCV 4 and 5 write it.
TEST(opencv_yaml, reads_what_file_storage_writes) {
  const std::string body =
      "---\n"
      "opencv_ml_svm:\n"
      "   svmType: EPS_SVR\r\n"
      "   # a remark\n"
      "\n"
      "   kernel:\n"
      "      type: \"RBF\"\n"
      "      gamma: 5.0000000000000003e-02\n"
      "   term_criteria: { epsilon:1e-03, iterations: 10 }\n"
      "   vectors:\n"
      "      - [ -1., 2,\n"
      "          3.5e+00 ]\n"
      "      - []\n"
      "   functions:\n"
      "      -\n"
      "         rho: -.5\n"
      "range: !!opencv-matrix\n"
      "   data: [ .Nan,\n"
      "\n"
      "      1. ]\n"
      "...\n";
  const nlohmann::json expected = nlohmann::json::parse(R"({
    "opencv_ml_svm": {"svmType": "EPS_SVR", "kernel": {"type": "RBF", "gamma": 0.05},
                      "term_criteria": {"epsilon": 0.001, "iterations": 10.0}, "vectors": [[-1.0, 2.0, 3.5], []],
                      "functions": [{"rho": -0.5}]},
    "range": {"data": [".Nan", 1.0]}})");
  EXPECT_EQ(parse_opencv_yaml("%YAML:1.0\n" + body, "f.yml"), expected);
  EXPECT_EQ(parse_opencv_yaml("%YAML 1.2\n" + body, "f.yml"), expected);
}

TEST(opencv_yaml, says_what_is_wrong_and_where) {
  EXPECT_EQ(message_of<DataError>([] { parse_opencv_yaml("PK\x03", "f.yml"); }),
            "[f.yml] a file of OpenCV's begins with '%YAML:1.0'; is it another one?");
  EXPECT_EQ(message(""), "[f.yml] line 2: the file ends early");
  EXPECT_EQ(message("a:\n"), "[f.yml] line 3: the file ends early");
  EXPECT_EQ(message("a:\nb: 1\n"), "[f.yml] line 4: a value is missing before this line; got 'b: 1'");
  EXPECT_EQ(message("a: [ 1,\n  2"), "[f.yml] line 4: the file ends inside brackets");
  EXPECT_EQ(message("a: [ 1, ]\n"), "[f.yml] line 3: expected a value; got ']'");
  EXPECT_EQ(message("a: [ 1 ] 2\n"), "[f.yml] line 3: expected the end of the line; got '2'");
  EXPECT_EQ(message("a: [ [ 1 ] [ 2 ] ]\n"), "[f.yml] line 3: expected a comma; got '[ 2 ] ]'");
  EXPECT_EQ(message("a: { 1 }\n"), "[f.yml] line 3: expected 'key: value'; got '1 }'");
  EXPECT_EQ(message("a: 1\na: 2\n"), "[f.yml] line 4: a key stands twice; got 'a'");
  EXPECT_EQ(message("a: { b:1, b:2 }\n"), "[f.yml] line 3: a key stands twice; got 'b'");
  EXPECT_EQ(message("a\n"), "[f.yml] line 3: expected 'key: value'; got 'a'");
  EXPECT_EQ(message("a: 1\n- 2\n"), "[f.yml] line 4: a list and a map are mixed; got '- 2'");
  EXPECT_EQ(message("a: 1\n  b: 2\n"),
            "[f.yml] line 4: a line is indented more than the one before; got 'b: 2'");
  EXPECT_EQ(message("  a: 1\nb: 2\n"), "[f.yml] line 4: a line stands apart from the others; got 'b: 2'");
  EXPECT_EQ(message("\ta: 1\n"), "[f.yml] line 3: lines are indented by spaces; got '?a: 1'");
  EXPECT_EQ(message("a: !!binary x\n"), "[f.yml] line 3: this part of YAML is not read; got '!!binary x'");
  EXPECT_EQ(message("a: *b\n"), "[f.yml] line 3: this part of YAML is not read; got '*b'");
  EXPECT_EQ(message("a: |\n  text\n"), "[f.yml] line 3: this part of YAML is not read; got '|'");
}

TEST(opencv_yaml, deep_nesting_is_refused) {
  EXPECT_EQ(message("a: " + std::string(100000, '[')), "[f.yml] line 3: values are nested too deep");
  std::string steps;
  for (int i = 0; i < 40; ++i) steps += std::string(size_t(i), ' ') + "a:\n";
  EXPECT_EQ(message(steps), "[f.yml] line 20: values are nested too deep");
}

}  // namespace opencv_yaml_test
}  // namespace gamut::io
