// text.h: PTX text as statements, before anything is known of what they do.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../emu.h"

namespace hdm::ptx {

// Bad is what makes a module be refused; line is of the PTX text.
struct Bad {
	int line;
	std::string what;
};

enum class Type : u8 { none, pred, b8, b16, b32, b64, u8, u16, u32, u64, s8, s16, s32, s64, f16, f32, f64 };
size_t type_bytes(Type t);
// type_named returns none for what is no name of a type, as "u32".
Type type_named(std::string_view name);

struct Statement {
	int line;
	std::string_view text;              // without the semicolon
	std::string_view guard;             // the register after @ or @!, or empty
	bool negated;
	std::string_view op;                // mma of mma.sync.aligned…
	std::vector<std::string_view> words; // what follows it after dots
	std::vector<std::string_view> args;  // split at commas outside of brackets
};

struct Parameter {
	std::string_view name;
	size_t bytes;
};

struct Array {
	std::string_view name;
	size_t bytes, align;
	bool dynamic; // its size is the launch's
};

struct FunctionText {
	std::string_view name;
	bool entry;
	int line;
	std::vector<Parameter> params, results;
	long max_threads = 0; // .maxntid, or 0
	std::map<std::string_view, Type> registers; // by name, or by prefix of a numbered family
	Array local = {};                           // its memory on the stack
	std::map<std::string_view, size_t> labels;  // the statement that follows
	std::vector<Statement> code;
};

struct ModuleText {
	std::string text; // the views are of it
	std::string file; // text_file's
	std::vector<Array> shared;
	std::vector<FunctionText> functions;
};

// text_file is relu.ptx, by the first line of the text, or "PTX".
std::string text_file(const char *text);
// parse_text throws Bad.
std::unique_ptr<ModuleText> parse_text(const char *text);

// trimmed is s without white space around it.
std::string_view trimmed(std::string_view s);
// split cuts at commas outside of brackets.
std::vector<std::string_view> split(std::string_view s);

} // namespace hdm::ptx
