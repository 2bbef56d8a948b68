// SPDX-License-Identifier: Apache-2.0
#include "gamut/nn/images.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace gamut::nn {
namespace images_test {

TEST(images, pictures_become_channels_last_numbers_from_zero_to_one) {
  io::Image image = io::Image::filled(3, 2, 0, 51, 255);
  image.at(2, 1)[0] = 102;
  const io::Image images[] = {image, image};
  const at::Tensor tensor = images_to_tensor(images);
  EXPECT_EQ(tensor.sizes(), at::IntArrayRef({2, 3, 2, 3}));
  EXPECT_TRUE(tensor.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_FLOAT_EQ(tensor[1][0][1][2].item<float>(), 0.4F);
  EXPECT_FLOAT_EQ(tensor[0][1][0][0].item<float>(), 0.2F);
  EXPECT_FLOAT_EQ(tensor[0][2][1][1].item<float>(), 1.0F);
}

TEST(images, every_byte_survives_the_way_there_and_back) {
  io::Image image = io::Image::filled(16, 16, 0, 0, 0);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = uint8_t(i);
  }
  const io::Image images[] = {image};
  EXPECT_EQ(tensor_to_images(images_to_tensor(images))[0].pixels, image.pixels);
}

TEST(images, values_are_clamped_and_halves_round_to_even) {
  // NumPy's (x * 255).round(), as VaeImageProcessor computes it.
  const at::Tensor pictures =
      at::tensor({-1.0F, 0.5F / 255, 1.5F / 255, 2.5F / 255, 254.6F / 255, 7.0F}).view({1, 3, 1, 2});
  const std::vector<io::Image> images = tensor_to_images(pictures);
  EXPECT_EQ(images[0].pixels, (std::vector<uint8_t>{0, 2, 255, 0, 2, 255}));
}

}  // namespace images_test
}  // namespace gamut::nn
