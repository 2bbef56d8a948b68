// SPDX-License-Identifier: Apache-2.0
// The message of the exception that an action throws: EXPECT_EQ(message_of<DataError>([] { … }), "[io] …").
#pragma once

#include <exception>
#include <string>

namespace gamut::testing {

template <class Expected, class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Expected& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another exception: ") + error.what();
  }
  return "nothing was thrown";
}

}  // namespace gamut::testing
