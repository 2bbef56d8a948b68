// SPDX-License-Identifier: Apache-2.0
// Faces and styles of glyph pictures, by a network of the reader's kind that `gamut pretrain` trained on
// faces: the ground of face_modes and style_modes. Nothing trains on it.
#pragma once

#include "gamut/eval/classes.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace gamut::glyphs {

// Of classes named "style/file": each one's style, numbered as they first appear, [K] int64. DataError for
// another name.
at::Tensor styles_of(const std::vector<std::string>& faces);
// Probabilities of faces [B, K] summed within each style, [B, styles].
at::Tensor style_probabilities(const at::Tensor& faces_BK, const at::Tensor& styles_K);

// Says "face" and "style". EnvironmentError or DataError as Reader::open; DataError for a reader of
// characters.
std::unique_ptr<eval::PictureClassifier> open_face_classifier(const std::string& folder,
                                                              const std::string& device);

}  // namespace gamut::glyphs
