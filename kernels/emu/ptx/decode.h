// decode.h: what the families of instructions use to make an Ins of a statement. Each takes
// the words and operands that it knows; what is left over is an error, so that no modifier
// is overlooked.
#pragma once
#include <unordered_map>

#include "lanes.h"

namespace hdm::ptx {

enum class Width : u8 { predicate, word, pair };
Width width_of(Type t);

class Decoder {
public:
	Ins out;

	// ---- The words after the opcode

	// take removes a word and tells whether it was there.
	bool take(std::string_view word);
	// need is take for a word without which the instruction means something else.
	void need(std::string_view word);
	// choice removes the first of the words that is there; its index, or -1.
	int choice(std::initializer_list<const char *> words);
	// type removes the first word that names a type.
	Type type();

	// ---- Operands, in order. A register's width must be its type's.

	void dest(int k, Type t);
	void source(int k, Type t);
	// wide is a source whose register may be wider than its type; its register's width.
	Width wide_source(int k, Type t);
	Width wide_dest(int k, Type t);
	// group reads {a, b} or a single operand; their number.
	int group_of_dests(Type t, int most);
	int group_of_sources(int from, Type t, int most);
	// accumulators reads {d0, …}, the first of the statement's registers; their number.
	int accumulators(Type t);
	// address reads [base+offset]: s[k] and offset; tells whether the base is 64 bits wide.
	bool address(int k);
	std::string_view peek() const; // the next operand's text, "" when there is none
	std::string_view next();
	i64 number();
	bool is_register(std::string_view text) const;
	bool is_pair(std::string_view text); // whether an operand is 64 bits wide; addresses are
	std::pair<std::string_view, i64> named_address();
	// parameter finds one of the kernel's: where it is and its bytes; -1 when there is none.
	std::pair<long, size_t> parameter(std::string_view name) const;
	Operand slot(std::string_view name, Type t); // of a parameter of a call
	Operand constant(u64 bits, Width w);
	Operand operand(std::string_view text, Type t, bool written);

	bool is_for(const char *target) const;

	[[noreturn]] void fail(const std::string &why) const;

	// ---- decode.cpp

	explicit Decoder(Program &p) : program(p) {}
	void function(const FunctionText &f, const std::vector<const FunctionText *> &all);

private:
	struct Slot {
		Operand at;
		Width width;
	};
	Program &program;
	const FunctionText *f = nullptr;
	const Statement *statement = nullptr;
	std::vector<std::string_view> words;
	size_t arg = 0;
	std::unordered_map<std::string, Slot> registers; // by function and name
	std::unordered_map<std::string, Operand> constants;
	std::map<std::string_view, int> starts; // of functions

	Slot take_register(Width w);
	Slot find(std::string_view name);
	Slot special(std::string_view name, Special s, Width w);
	Operand symbol(std::string_view name);
	void instruction(const Statement &s, const std::vector<const FunctionText *> &all);
	void call(const std::vector<const FunctionText *> &all);
	void emit();
};

// Family makes instructions of some opcodes; the tables are joined in decode.cpp.
typedef void (*Make)(Decoder &);
struct Family {
	const char *op;
	Make make;
};
extern const std::vector<Family> integer_family, arithmetic_family, convert_family, predicate_family, memory_family, warp_family, warpgroup_family;

// choose finds the instantiation for a type: choose<u32, s32…>(d, t, [](auto v) { return &f<decltype(v)>; }).
template <class T> constexpr Type type_for()
{
	if constexpr (std::is_same_v<T, float>) return Type::f32;
	else if constexpr (std::is_same_v<T, double>) return Type::f64;
	else if constexpr (std::is_signed_v<T>) return sizeof(T) == 1 ? Type::s8 : sizeof(T) == 2 ? Type::s16 : sizeof(T) == 4 ? Type::s32 : Type::s64;
	else return sizeof(T) == 1 ? Type::u8 : sizeof(T) == 2 ? Type::u16 : sizeof(T) == 4 ? Type::u32 : Type::u64;
}
// plain_type reads bits as unsigned numbers.
inline Type plain_type(Type t)
{
	switch (t) {
	case Type::b8: return Type::u8;
	case Type::b16: return Type::u16;
	case Type::b32: return Type::u32;
	case Type::b64: return Type::u64;
	default: return t;
	}
}
template <class... T, class F> Run choose(const Decoder &d, Type t, F f)
{
	Run run = nullptr;
	((type_for<T>() == plain_type(t) && (run = f(T{}), true)) || ...);
	if (!run)
		d.fail("its type is not supported");
	return run;
}

} // namespace hdm::ptx
