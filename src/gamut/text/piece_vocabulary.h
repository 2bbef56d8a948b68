// SPDX-License-Identifier: Apache-2.0
// The vocabulary of a SentencePiece tokenizer as T5 uses it: pieces with scores, read from spiece.model (a
// protocol buffer) or from Hugging Face's tokenizer.json, and handed to the SentencePiece library.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gamut::text {

struct Piece {
  std::string text;
  float score = 0;
};

struct PieceVocabulary {
  std::vector<Piece> pieces;         // by id
  int64_t unknown_id = -1;           // what stands for characters that no piece covers
  std::vector<std::string> special;  // pieces that are cut out of the text before anything else looks at it
  std::string character_map;         // bytes of the normalizer (character_map.h)
};

// `origin` names the file in messages. DataError for what is no such file, for byte pairs (BPE) and for byte
// fallback.
PieceVocabulary parse_piece_model(std::string_view bytes, const std::string& origin);
PieceVocabulary parse_piece_json(std::string_view text, const std::string& origin);

// A model for the library that finds pieces in text and does nothing else: no normalizer, and every piece but
// the unknown one is found as it is spelled. The last id, pieces.size(), is the unknown piece's spelling.
std::string library_model(const PieceVocabulary& vocabulary);

}  // namespace gamut::text
