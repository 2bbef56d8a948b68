// SPDX-License-Identifier: Apache-2.0
// The 3x3 convolution by tiles against its definition in fp64, on every path. Free of LibTorch, as
// kernel_paths_test.cpp is.
#include "gamut/nn/kernels/matrix.h"
#include "gamut/nn/kernels/winograd.h"

#include "support/kernel_checks.h"

namespace gamut::nn {
namespace winograd_test {

using testing::Doubles;
using testing::expect_on_every_path;
using testing::Floats;

// Of no pattern, whose sums would cancel: a linear congruential generator, in [-1, 1).
Floats noise(int64_t count, uint32_t state) {
  Floats values(static_cast<size_t>(count));
  for (float& value : values) {
    state = state * 1664525U + 1013904223U;
    value = float(state >> 8) / float(1 << 23) - 1;
  }
  return values;
}

// Calls visit(pixel of x, pixel of y, tap) wherever the tap's input lies inside.
template <class Visit>
void for_taps(const kernels::TiledShape& s, const Visit& visit) {
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t top = 0; top < s.height; ++top)
      for (int64_t left = 0; left < s.width; ++left)
        for (int64_t tap = 0; tap < 9; ++tap) {
          const int64_t y = top + tap / 3 - 1, x = left + tap % 3 - 1;
          if (y < 0 || y >= s.height || x < 0 || x >= s.width) continue;
          visit((n * s.height + y) * s.width + x, (n * s.height + top) * s.width + left, tap);
        }
}

struct Input {
  kernels::TiledShape shape;
  int64_t in = shape.in, out = shape.out, pixels = shape.batch * shape.height * shape.width;
  Floats x = noise(pixels * in, 1), weights = noise(out * 9 * in, 2), bias = noise(out, 3),
         grad = noise(pixels * out, 4);

  float at_x(int64_t pixel, int64_t i) const { return x[size_t(pixel * in + i)]; }
  float at_grad(int64_t pixel, int64_t o) const { return grad[size_t(pixel * out + o)]; }
  float weight(int64_t o, int64_t tap, int64_t i) const { return weights[size_t((o * 9 + tap) * in + i)]; }

  // Each pass of the convolution, as it is defined.
  Doubles output() const {
    Doubles y;
    for (int64_t p = 0; p < pixels; ++p) y.insert(y.end(), bias.begin(), bias.end());
    for_taps(shape, [&](int64_t from, int64_t to, int64_t tap) {
      for (int64_t o = 0; o < out; ++o)
        for (int64_t i = 0; i < in; ++i) y[size_t(to * out + o)] += double(at_x(from, i)) * weight(o, tap, i);
    });
    return y;
  }
  Doubles input_gradient() const {
    Doubles gradient(x.size());
    for_taps(shape, [&](int64_t from, int64_t to, int64_t tap) {
      for (int64_t o = 0; o < out; ++o)
        for (int64_t i = 0; i < in; ++i)
          gradient[size_t(from * in + i)] += double(at_grad(to, o)) * weight(o, tap, i);
    });
    return gradient;
  }
  Doubles weight_gradient() const {
    Doubles gradient(weights.size());
    for_taps(shape, [&](int64_t from, int64_t to, int64_t tap) {
      for (int64_t o = 0; o < out; ++o)
        for (int64_t i = 0; i < in; ++i)
          gradient[size_t((o * 9 + tap) * in + i)] += double(at_x(from, i)) * at_grad(to, o);
    });
    return gradient;
  }
};

// Sides of one, two and odd numbers; more tiles than a block has; a narrow last panel of columns.
const Input kInputs[] = {
    {{2, 5, 7, 16, 32}}, {{1, 1, 1, 16, 16}}, {{1, 2, 1, 48, 16}}, {{3, 8, 8, 32, 80}}, {{27, 2, 2, 16, 48}}};

// 16 matrices [in, out], or, reversed, [out, in].
Floats packed(const Input& input, bool reversed) {
  const int64_t in = input.in, out = input.out;
  Floats plain(size_t(16 * (in * out + kernels::kTileGap))), to(size_t(16 * in * out));
  kernels::transform_tile_weights(input.shape, input.weights.data(), reversed, plain.data());
  for (int64_t place = 0; place < 16; ++place) {
    const float* matrix = plain.data() + place * (in * out + kernels::kTileGap);
    kernels::pack(reversed ? kernels::SmallMatrix{out, in, matrix, in, 1}
                           : kernels::SmallMatrix{in, out, matrix, 1, in},
                  to.data() + place * in * out);
  }
  return to;
}

Floats by_tiles(const kernels::TiledShape& shape, const Floats& x, const Floats& packed, const float* bias) {
  Floats y(size_t(shape.batch * shape.height * shape.width * shape.out)),
      scratch(size_t(kernels::tile_scratch(shape)));
  const int64_t tiles = kernels::tile_count(shape), half = tiles / 2;
  kernels::convolve_tiles(shape, x.data(), packed.data(), bias, 0, half, y.data(), scratch.data());
  kernels::convolve_tiles(shape, x.data(), packed.data(), bias, half, tiles, y.data(), scratch.data());
  return y;
}

TEST(winograd, forward) {
  for (const Input& input : kInputs) {
    SCOPED_TRACE(::testing::Message() << input.shape.height << "x" << input.shape.width);
    const auto compute = [&] {
      return by_tiles(input.shape, input.x, packed(input, false), input.bias.data());
    };
    expect_on_every_path(compute, input.output(), 2e-6, "outputs");
  }
}

TEST(winograd, gradient_of_the_input) {
  for (const Input& input : kInputs) {
    SCOPED_TRACE(::testing::Message() << input.shape.height << "x" << input.shape.width);
    kernels::TiledShape back = input.shape;
    std::swap(back.in, back.out);
    const auto compute = [&] { return by_tiles(back, input.grad, packed(input, true), nullptr); };
    expect_on_every_path(compute, input.input_gradient(), 2e-6, "gradients");
  }
}

TEST(winograd, gradient_of_the_weights) {
  for (const Input& input : kInputs) {
    SCOPED_TRACE(::testing::Message() << input.shape.height << "x" << input.shape.width);
    const auto compute = [&] {
      Floats sums(size_t(16 * input.in * input.out)), scratch(size_t(kernels::tile_scratch(input.shape))),
          gradient(input.weights.size());
      kernels::add_tile_gradients(input.shape, input.x.data(), input.grad.data(), 0,
                                  kernels::tile_count(input.shape), sums.data(), scratch.data());
      kernels::tile_gradients_to_weights(input.shape, sums.data(), gradient.data());
      return gradient;
    };
    expect_on_every_path(compute, input.weight_gradient(), 2e-6, "weights");
  }
}

// The bits of a picture that stands in another place of a block.
TEST(winograd, a_picture_is_the_same_alone) {
  const Input& all = kInputs[3];
  const Floats weights = packed(all, false), together = by_tiles(all.shape, all.x, weights, nullptr);
  kernels::TiledShape one = all.shape;
  one.batch = 1;
  const size_t from = all.x.size() / 3, to = together.size() / 3;
  const Floats x(all.x.end() - ptrdiff_t(from), all.x.end());
  EXPECT_EQ(by_tiles(one, x, weights, nullptr), Floats(together.end() - ptrdiff_t(to), together.end()));
}

}  // namespace winograd_test
}  // namespace gamut::nn
