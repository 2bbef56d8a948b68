// SPDX-License-Identifier: Apache-2.0
#include "gamut/text/piece_vocabulary.h"

#include "gamut/core/error.h"
#include "gamut/io/base64.h"
#include "gamut/io/files.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

namespace gamut::text {
namespace {

using Json = nlohmann::json;

// Numbers of fields and values in sentencepiece_model.proto.
enum : uint64_t { kPieces = 1, kTrainer = 2, kNormalizer = 3 };
enum : uint64_t { kPieceText = 1, kPieceScore = 2, kPieceType = 3 };
enum : uint64_t { kModelType = 3, kByteFallback = 35 };
enum : uint64_t { kCharacterMap = 2, kDummyPrefix = 3, kRemoveSpaces = 4, kEscapeSpaces = 5 };
enum : uint64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };
constexpr uint64_t kUnigram = 1;

[[noreturn]] void no_model(const std::string& origin) {
  throw DataError(origin, "the file must be a SentencePiece model; got other bytes; is it complete?");
}

struct WireField {
  uint64_t number = 0, value = 0;  // value: of numbers, floats by their bits
  std::string_view bytes;          // of strings and messages
};

// The fields of a protocol buffer's message, one after another.
class WireReader {
 public:
  WireReader(std::string_view bytes, const std::string& origin) : rest_(bytes), origin_(origin) {}

  bool next(WireField& field) {
    if (rest_.empty()) return false;
    const uint64_t tag = number();
    field = {.number = tag >> 3, .value = 0, .bytes = {}};
    switch (tag & 7) {
      case 0:
        field.value = number();
        break;
      case 1:
        take(8);
        break;
      case 2:
        field.bytes = take(number());
        break;
      case 5: {
        uint32_t bits = 0;
        std::memcpy(&bits, take(4).data(), 4);
        field.value = bits;
        break;
      }
      default:
        no_model(origin_);
    }
    return true;
  }

 private:
  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = uint8_t(take(1)[0]);
      value |= uint64_t(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    no_model(origin_);
  }
  std::string_view take(uint64_t count) {
    if (count > rest_.size()) no_model(origin_);
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest_;
  const std::string& origin_;
};

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(char(value | 0x80));
  bytes.push_back(char(value));
  return bytes;
}
std::string number_field(uint64_t number, uint64_t value) { return varint(number << 3) + varint(value); }
std::string bytes_field(uint64_t number, const std::string& bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string float_field(uint64_t number, float value) {
  std::string bytes = varint(number << 3 | 5) + "1234";
  std::memcpy(bytes.data() + bytes.size() - 4, &value, 4);
  return bytes;
}

std::string piece_message(const std::string& text, float score, uint64_t type) {
  return bytes_field(kPieces, bytes_field(kPieceText, text) + float_field(kPieceScore, score) +
                                  number_field(kPieceType, type));
}

void add_piece(std::string_view message, const std::string& origin, PieceVocabulary& vocabulary) {
  Piece piece;
  uint64_t type = kNormal;
  WireReader reader(message, origin);
  for (WireField field; reader.next(field);) {
    if (field.number == kPieceText) piece.text = field.bytes;
    if (field.number == kPieceScore) piece.score = std::bit_cast<float>(uint32_t(field.value));
    if (field.number == kPieceType) type = field.value;
  }
  if (type == kUnknown) vocabulary.unknown_id = int64_t(vocabulary.pieces.size());
  if (type == kControl || type == kUserDefined || type == kUnknown) vocabulary.special.push_back(piece.text);
  vocabulary.pieces.push_back(std::move(piece));
}

void check_trainer(std::string_view message, const std::string& origin) {
  WireReader reader(message, origin);
  for (WireField field; reader.next(field);) {
    if (field.number == kModelType && field.value != kUnigram)
      throw DataError(origin, cat("the model must be a unigram model, as T5's is; got type ", field.value));
    if (field.number == kByteFallback && field.value != 0)
      throw DataError(origin, "models with byte fallback are not read; T5's has none");
  }
}

void check_pieces(const PieceVocabulary& vocabulary, const std::string& origin) {
  // The library takes a NUL for the end of a piece.
  const auto is_bad = [](const Piece& piece) {
    return piece.text.empty() || piece.text.find('\0') != std::string::npos || !std::isfinite(piece.score);
  };
  const int64_t count = int64_t(vocabulary.pieces.size());
  if (vocabulary.unknown_id < 0 || vocabulary.unknown_id >= count)
    throw DataError(origin,
                    cat("one piece must stand for unknown characters; got none among ", count, " pieces"));
  if (std::ranges::any_of(vocabulary.pieces, is_bad))
    throw DataError(origin, "pieces must have a text and a finite score; the file is damaged");
}

// The map of a normalizer, or of one in a sequence; "" without any.
std::string character_map_of(const Json& normalizer, const std::string& origin) {
  if (!normalizer.is_object()) return "";
  if (const auto list = normalizer.find("normalizers"); list != normalizer.end() && list->is_array()) {
    for (const Json& part : *list)
      if (std::string found = character_map_of(part, origin); !found.empty()) return found;
    return "";
  }
  const auto map = normalizer.find("precompiled_charsmap");
  if (map == normalizer.end() || !map->is_string()) return "";
  const std::optional<std::string> bytes = io::from_base64(map->get<std::string>());
  if (!bytes) throw DataError(origin, "precompiled_charsmap must be base64; the file is damaged");
  return *bytes;
}

Piece piece_of(const Json& entry, const std::string& origin) {
  const bool fits = entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_number();
  if (!fits)
    throw DataError(origin,
                    cat("model.vocab must hold pairs of a piece and its score; got ", io::brief(entry)));
  return {entry[0].get<std::string>(), entry[1].get<float>()};
}

}  // namespace

PieceVocabulary parse_piece_model(std::string_view bytes, const std::string& origin) {
  PieceVocabulary vocabulary;
  WireReader reader(bytes, origin);
  for (WireField field; reader.next(field);) {
    if (field.number == kPieces) add_piece(field.bytes, origin, vocabulary);
    if (field.number == kTrainer) check_trainer(field.bytes, origin);
    if (field.number != kNormalizer) continue;
    WireReader normalizer(field.bytes, origin);
    for (WireField part; normalizer.next(part);)
      if (part.number == kCharacterMap) vocabulary.character_map = part.bytes;
  }
  if (vocabulary.pieces.empty()) no_model(origin);
  check_pieces(vocabulary, origin);
  return vocabulary;
}

PieceVocabulary parse_piece_json(std::string_view text, const std::string& origin) {
  const Json json = io::parse_json(text, origin);
  const Json model = json.is_object() ? json.value("model", Json()) : Json();
  const Json pieces = model.is_object() ? model.value("vocab", Json()) : Json();
  if (!pieces.is_array() || model.value("type", Json("Unigram")) != "Unigram")
    throw DataError(origin, "the model must be a unigram model with a list of pieces, as T5's is");
  if (model.value("byte_fallback", Json(false)) == true)
    throw DataError(origin, "models with byte fallback are not read; T5's has none");
  PieceVocabulary vocabulary;
  for (const Json& entry : pieces) vocabulary.pieces.push_back(piece_of(entry, origin));
  const Json unknown = model.value("unk_id", Json());
  if (unknown.is_number_integer()) vocabulary.unknown_id = unknown.get<int64_t>();
  const Json added = json.value("added_tokens", Json::array());
  for (const Json& token : added)
    if (token.is_object() && token.contains("content") && token["content"].is_string())
      vocabulary.special.push_back(token["content"].get<std::string>());
  vocabulary.character_map = character_map_of(json.value("normalizer", Json()), origin);
  check_pieces(vocabulary, origin);
  return vocabulary;
}

std::string library_model(const PieceVocabulary& vocabulary) {
  std::string model;
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const Piece& piece = vocabulary.pieces[id];
    const bool unknown = int64_t(id) == vocabulary.unknown_id;
    // The library finds no unknown piece in text, so its spelling goes to a piece of its own.
    model += unknown ? piece_message("\x01" + piece.text, piece.score, kUnknown)
                     : piece_message(piece.text, piece.score, kNormal);
  }
  const Piece& unknown = vocabulary.pieces[size_t(vocabulary.unknown_id)];
  model += piece_message(unknown.text, unknown.score, kNormal);
  model += bytes_field(kTrainer, number_field(kModelType, kUnigram));
  return model + bytes_field(kNormalizer, number_field(kDummyPrefix, 0) + number_field(kRemoveSpaces, 0) +
                                              number_field(kEscapeSpaces, 0));
}

}  // namespace gamut::text
