#include "observe/event_queue.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "observe/event_fields.h"

namespace millrace::observe {
namespace {

// More than all fields of a record that have a fixed size, and than those of an element of any list.
constexpr std::size_t fixed_part = 512;
// All that is ever needed but by giant records; the system gives what is used of it.
constexpr std::size_t usual_room = EventQueue::full_bytes + (std::size_t{64} << 10);

// Flags and causes, which are small numbers too.
template <class T>
concept Number = std::integral<T> || std::is_enum_v<T>;

template <Number T>
std::uint64_t as_unsigned(T value) {
  if constexpr (std::is_signed_v<T>) {  // small ones of either sign become small ones
    const auto wide = static_cast<std::int64_t>(value);
    return (static_cast<std::uint64_t>(wide) << 1) ^ static_cast<std::uint64_t>(wide >> 63);
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

template <Number T>
T from_unsigned(std::uint64_t value) {
  if constexpr (std::is_signed_v<T>) {
    return static_cast<T>(static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1));
  } else {
    return static_cast<T>(value);
  }
}

template <class Value, std::size_t Index = 0>
constexpr std::uint8_t tag_of() {
  if constexpr (std::is_same_v<Value, std::variant_alternative_t<Index, Logged::Value>>) {
    return Index;
  } else {
    return tag_of<Value, Index + 1>();
  }
}

// Reads what EventPacker wrote, field by field.
class EventUnpacker {
 public:
  explicit EventUnpacker(const std::byte* at) : at_(at) {}

  const std::byte* at() const { return at_; }

  template <class Field>
  void operator()(const char*, Field& field) {
    read(field);
  }
  template <class Field>
  void maybe(const char*, Field& field) {
    read(field);
  }
  void microseconds(const char*, std::int64_t& time) { read(time); }
  template <class Object>
  void part(const char*, Object& object) {
    fields(*this, object);
  }
  void attempts(const char*, std::vector<AttemptId>& attempts) { read(attempts); }
  void flags(const char*, std::vector<bool>& flags, std::uint32_t) {
    flags.resize(size());
    for (std::size_t i = 0; i < flags.size(); ++i) flags[i] = at_[i] != std::byte{0};
    at_ += flags.size();
  }

  template <Number Value>
  void read(Value& value) {
    std::uint64_t number = static_cast<std::uint64_t>(*at_) & 0x7f;
    for (int shift = 7; (*at_++ & std::byte{0x80}) != std::byte{0}; shift += 7) {
      number |= (static_cast<std::uint64_t>(*at_) & 0x7f) << shift;
    }
    value = from_unsigned<Value>(number);
  }

 private:
  std::size_t size() {
    std::uint32_t size = 0;
    read(size);
    return size;
  }
  template <class Tag>
  void read(Id<Tag>& id) {
    read(id.value);
  }
  void read(AttemptId& attempt) {
    read(attempt.stage);
    read(attempt.partition);
    read(attempt.number);
  }
  void read(std::string& text) {
    const std::size_t length = size();
    text.assign(reinterpret_cast<const char*>(at_), length);
    at_ += length;
  }
  template <class Mapped>
  void read(std::map<std::string, Mapped>& map) {
    for (std::size_t left = size(); left > 0; --left) {
      std::string name;
      read(name);
      read(map[std::move(name)]);
    }
  }
  template <class Element>
  void read(std::vector<Element>& elements) {
    elements.resize(size());
    for (Element& element : elements) read(element);
  }
  template <class Object>
  requires requires(EventUnpacker& unpacker, Object& object) { fields(unpacker, object); }
  void read(Object& object) { fields(*this, object); }

  const std::byte* at_;
};

using Unpack = void (*)(EventUnpacker&, Logged::Value&);

template <std::size_t... Index>
constexpr std::array<Unpack, sizeof...(Index)> unpackers(std::index_sequence<Index...>) {
  return {[](EventUnpacker& unpacker, Logged::Value& value) { fields(unpacker, value.emplace<Index>()); }...};
}

constexpr auto unpack = unpackers(std::make_index_sequence<std::variant_size_v<Logged::Value>>());

}  // namespace

// Writes fields one behind the other: numbers with seven bits a byte, most of them being small or 0; texts and lists
// after their size. There is always room for `fixed_part` more bytes, so that only what has no fixed size asks for
// room.
class EventPacker {
 public:
  explicit EventPacker(EventQueue& queue) : queue_(queue) { make_room(0); }
  ~EventPacker() { queue_.used_ = static_cast<std::size_t>(at_ - queue_.bytes_.get()); }
  EventPacker(const EventPacker&) = delete;
  EventPacker& operator=(const EventPacker&) = delete;

  template <class Value>
  void record(Time at, const Value& value) {
    write(tag_of<Value>());
    write(at.microseconds);
    fields(*this, value);
  }

  template <class Field>
  void operator()(const char*, const Field& field) {
    write(field);
  }
  template <class Field>
  void maybe(const char*, const Field& field) {
    write(field);
  }
  void microseconds(const char*, std::int64_t time) { write(time); }
  template <class Object>
  void part(const char*, const Object& object) {
    fields(*this, object);
  }
  void attempts(const char*, const std::vector<AttemptId>& attempts) { write(attempts); }
  void flags(const char*, const std::vector<bool>& flags, std::uint32_t) {
    size(flags.size());
    make_room(flags.size());
    for (const bool flag : flags) *at_++ = std::byte{flag};
  }

 private:
  void make_room(std::size_t bytes) {
    const std::size_t needed = bytes + fixed_part;
    if (at_ != nullptr && static_cast<std::size_t>(end_ - at_) >= needed) return;
    if (at_ != nullptr) queue_.used_ = static_cast<std::size_t>(at_ - queue_.bytes_.get());
    if (queue_.room_ - queue_.used_ < needed) {
      const std::size_t room = std::max({2 * queue_.room_, queue_.used_ + needed, usual_room});
      auto larger = std::make_unique_for_overwrite<std::byte[]>(room);
      if (queue_.used_ > 0) std::memcpy(larger.get(), queue_.bytes_.get(), queue_.used_);
      queue_.bytes_ = std::move(larger);
      queue_.room_ = room;
    }
    at_ = queue_.bytes_.get() + queue_.used_;
    end_ = queue_.bytes_.get() + queue_.room_;
  }

  void size(std::size_t size) { write(static_cast<std::uint32_t>(size)); }

  template <Number Value>
  void write(Value value) {
    std::uint64_t number = as_unsigned(value);
    for (; number >= 0x80; number >>= 7) *at_++ = static_cast<std::byte>(number | 0x80);
    *at_++ = static_cast<std::byte>(number);
  }
  template <class Tag>
  void write(Id<Tag> id) {
    write(id.value);
  }
  void write(const AttemptId& attempt) {
    write(attempt.stage);
    write(attempt.partition);
    write(attempt.number);
  }
  void write(const std::string& text) {
    size(text.size());
    make_room(text.size());
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  template <class Mapped>
  void write(const std::map<std::string, Mapped>& map) {
    size(map.size());
    for (const auto& [name, mapped] : map) {
      write(name);
      write(mapped);
    }
  }
  template <class Element>
  void write(const std::vector<Element>& elements) {
    size(elements.size());
    for (const Element& element : elements) {
      make_room(0);
      write(element);
    }
  }
  template <class Object>
  requires requires(EventPacker& packer, const Object& object) { fields(packer, object); }
  void write(const Object& object) { fields(*this, object); }

  EventQueue& queue_;
  std::byte* at_ = nullptr;
  std::byte* end_ = nullptr;
};

void EventQueue::put(Time at, const Logged::Value& value) {
  std::visit([&](const auto& each) { EventPacker(*this).record(at, each); }, value);
}

void EventQueue::put(Time at, const sched::Event& event) {
  std::visit([&](const auto& each) { EventPacker(*this).record(at, each); }, event);
}

void EventQueue::put(Time at, const sched::Action& action) {
  std::visit([&](const auto& each) { EventPacker(*this).record(at, each); }, action);
}

void EventQueue::take(const std::function<void(const Logged&)>& visit) {
  const std::byte* const end = bytes_.get() + used_;
  Logged record;
  for (EventUnpacker unpacker(bytes_.get()); unpacker.at() != end;) {
    std::uint8_t tag = 0;
    unpacker.read(tag);
    unpacker.read(record.at.microseconds);
    unpack[tag](unpacker, record.value);
    visit(record);
  }
  used_ = 0;
  if (room_ > usual_room) {
    bytes_.reset();
    room_ = 0;
  }
}

}  // namespace millrace::observe
