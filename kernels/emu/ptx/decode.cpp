// decode.cpp: statements of a kernel, and of the functions it calls, as instructions.
#include "decode.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace hdm::ptx {

Width width_of(Type t) { return t == Type::pred ? Width::predicate : type_bytes(t) == 8 ? Width::pair : Width::word; }

namespace {

constexpr size_t bytes_of(Width w) { return w == Width::predicate ? sizeof(Predicate) : w == Width::pair ? 256 : 128; }

const std::unordered_map<std::string_view, Make> &makers()
{
	static const auto all = [] {
		std::unordered_map<std::string_view, Make> m;
		for (auto *family : {&integer_family, &arithmetic_family, &convert_family, &predicate_family, &memory_family, &warp_family, &warpgroup_family})
			for (auto &f : *family)
				m[f.op] = f.make;
		return m;
	}();
	return all;
}

std::string slot_key(const FunctionText &f, std::string_view parameter) { return "[" + std::string(f.name) + "/" + std::string(parameter); }

} // namespace

void Decoder::fail(const std::string &why) const { throw Bad{statement->line, format("%s, in: %.*s", why.c_str(), (int)statement->text.size(), statement->text.data())}; }

bool Decoder::is_for(const char *target) const { return program.text->text.find(format(".target %s\n", target)) != std::string::npos; }

// ---- Words

bool Decoder::take(std::string_view word)
{
	auto it = std::find(words.begin(), words.end(), word);
	if (it == words.end())
		return false;
	words.erase(it);
	return true;
}

void Decoder::need(std::string_view word)
{
	if (!take(word))
		fail(format("without .%.*s it is not supported", (int)word.size(), word.data()));
}

int Decoder::choice(std::initializer_list<const char *> options)
{
	int k = 0;
	for (const char *o : options) {
		if (take(o))
			return k;
		k++;
	}
	return -1;
}

Type Decoder::type()
{
	for (size_t i = 0; i < words.size(); i++)
		if (Type t = type_named(words[i]); t != Type::none) {
			words.erase(words.begin() + (std::ptrdiff_t)i);
			return t;
		}
	fail("its type is missing");
}

// ---- Operands

std::string_view Decoder::peek() const { return arg < statement->args.size() ? statement->args[arg] : std::string_view(); }

std::string_view Decoder::next()
{
	if (arg == statement->args.size())
		fail("an operand is missing");
	return statement->args[arg++];
}

Operand Decoder::constant(u64 bits, Width w)
{
	std::string key = format("%d %llx", (int)w, bits);
	auto it = constants.find(key);
	if (it != constants.end())
		return it->second;
	size_t at = program.constants.size();
	program.constants.resize(at + bytes_of(w));
	char *p = program.constants.data() + at;
	if (w == Width::predicate) {
		Predicate whole = {bits ? all_lanes : 0, all_lanes};
		memcpy(p, &whole, sizeof whole);
	}
	for (int l = 0; l < 32 && w != Width::predicate; l++)
		memcpy(p + (size_t)l * bytes_of(w) / 32, &bits, bytes_of(w) / 32);
	return constants[key] = (Operand)at | constant_bank;
}

Decoder::Slot Decoder::take_register(Width w)
{
	size_t align = w == Width::predicate ? sizeof(Predicate) : 32; // of a vector load
	size_t at = (program.register_bytes + align - 1) / align * align;
	program.register_bytes = at + bytes_of(w);
	if (w == Width::predicate)
		program.predicates.push_back((Operand)at);
	return {(Operand)at, w};
}

Decoder::Slot Decoder::special(std::string_view name, Special what, Width w)
{
	std::string key(name);
	auto it = registers.find(key);
	if (it != registers.end())
		return it->second;
	Slot s = take_register(w);
	what.at = s.at;
	program.specials.push_back(what);
	return registers[key] = s;
}

Decoder::Slot Decoder::find(std::string_view name)
{
	static const std::pair<const char *, Special::What> axes[] = {
	    {"%tid.", Special::tid}, {"%ctaid.", Special::ctaid}, {"%ntid.", Special::ntid}, {"%nctaid.", Special::nctaid}};
	for (auto &[prefix, what] : axes)
		if (name.starts_with(prefix))
			return special(name, {what, name.back() - 'x', nullptr, "", 0}, Width::word);
	if (name == "%laneid" || name == "%warpid")
		return special(name, {name == "%laneid" ? Special::lane : Special::warp, 0, nullptr, "", 0}, Width::word);
	std::string key = std::string(f->name) + "/" + std::string(name);
	auto it = registers.find(key);
	if (it != registers.end())
		return it->second;
	auto declared = f->registers.find(name);
	if (declared == f->registers.end()) {
		size_t end = name.size();
		while (end && isdigit((unsigned char)name[end - 1]))
			end--;
		declared = f->registers.find(name.substr(0, end));
	}
	if (declared == f->registers.end())
		fail(format("the register %.*s is not declared, or special and not supported", (int)name.size(), name.data()));
	return registers[key] = take_register(width_of(declared->second));
}

Operand Decoder::symbol(std::string_view name)
{
	if (long start = parameter(name).first; start >= 0)
		return constant((u64)start, Width::pair);
	if (name == f->local.name) {
		size_t at = program.local_bytes = (program.local_bytes + 15) / 16 * 16;
		Slot s = special("&" + std::string(name), {Special::local, (int)at, nullptr, "", 0}, Width::pair);
		if (program.specials.back().at == s.at && program.specials.back().axis == (int)at)
			program.local_bytes += f->local.bytes;
		return s.at;
	}
	for (const Array &a : program.text->shared)
		if (a.name == name)
			return special("&" + std::string(name), {Special::shared, 0, &a, std::string(name), 0}, Width::pair).at;
	fail(format("%.*s is not declared", (int)name.size(), name.data()));
}

bool Decoder::is_register(std::string_view text) const { return !text.empty() && (text[0] == '%' || f->registers.count(text)); }

bool Decoder::is_pair(std::string_view text) { return !is_register(text) || find(text).width == Width::pair; }

Operand Decoder::operand(std::string_view text, Type t, bool written)
{
	Width w = width_of(t);
	if (is_register(text)) {
		Slot s = find(text);
		if (s.width != w)
			fail(format("the register %.*s has another width than the instruction", (int)text.size(), text.data()));
		if (written && text.find('.') != text.npos)
			fail(format("%.*s cannot be written", (int)text.size(), text.data()));
		program.registers.push_back(s.at);
		out.registers++;
		return s.at;
	}
	std::string s(text);
	if (written)
		fail(s + " cannot be written");
	if (s[0] == '0' && s.size() > 1 && strchr("fFdD", s[1])) {
		bool pair = tolower(s[1]) == 'd';
		if (s.size() != (pair ? 18u : 10u) || (w == Width::pair) != pair)
			fail(s + " is no number of the instruction's type");
		return constant(strtoull(s.c_str() + 2, nullptr, 16), w);
	}
	if (isdigit((unsigned char)s[0]) || s[0] == '-') {
		char *end;
		u64 v = s[0] == '-' ? (u64)strtoll(s.c_str(), &end, 0) : strtoull(s.c_str(), &end, 0);
		if (*end == 'U')
			end++;
		if (*end || t == Type::f32 || t == Type::f64)
			fail(s + " is no number of the instruction's type");
		return constant(w == Width::word ? (u32)v : v, w);
	}
	if (w != Width::pair)
		fail(s + " is an address: it needs 64 bits");
	return symbol(text);
}

void Decoder::dest(int k, Type t) { out.d[k] = operand(next(), t, true); }
void Decoder::source(int k, Type t) { out.s[k] = operand(next(), t, false); }

Width Decoder::wide_source(int k, Type t)
{
	bool pair = is_register(peek()) ? is_pair(peek()) : type_bytes(t) == 8;
	out.s[k] = operand(next(), pair ? Type::b64 : t, false);
	return pair ? Width::pair : width_of(t);
}

Width Decoder::wide_dest(int k, Type t)
{
	bool pair = is_pair(peek());
	out.d[k] = operand(next(), pair ? Type::b64 : t, true);
	return pair ? Width::pair : width_of(t);
}

static std::vector<std::string_view> members(std::string_view s)
{
	return s[0] == '{' ? split(s.substr(1, s.size() - 2)) : std::vector{s};
}

int Decoder::group_of_dests(Type t, int most)
{
	auto all = members(next());
	if ((int)all.size() > most)
		fail("more registers than the instruction has");
	for (size_t k = 0; k < all.size(); k++)
		out.d[k] = operand(all[k], t, true);
	return (int)all.size();
}

int Decoder::accumulators(Type t)
{
	for (std::string_view name : members(next()))
		operand(name, t, true);
	out.accumulates = true;
	return out.count = out.registers;
}

int Decoder::group_of_sources(int from, Type t, int most)
{
	auto all = members(next());
	if ((int)all.size() > most)
		fail("more registers than the instruction has");
	for (size_t k = 0; k < all.size(); k++)
		out.s[from + (int)k] = operand(all[k], t, false);
	return (int)all.size();
}

std::pair<std::string_view, i64> Decoder::named_address()
{
	std::string_view s = next();
	if (s.size() < 3 || s[0] != '[' || s.back() != ']')
		fail("the address [register+offset] is missing");
	s = trimmed(s.substr(1, s.size() - 2));
	size_t plus = s.find('+');
	return {trimmed(s.substr(0, plus)), plus == s.npos ? 0 : strtoll(std::string(s.substr(plus + 1)).c_str(), nullptr, 0)};
}

bool Decoder::address(int k)
{
	auto [base, offset] = named_address();
	bool pair = is_pair(base);
	out.offset = offset;
	out.s[k] = operand(base, pair ? Type::b64 : Type::b32, false);
	return pair;
}

i64 Decoder::number()
{
	std::string s(next());
	if (!isdigit((unsigned char)s[0]))
		fail(s + " should be a number");
	return strtoll(s.c_str(), nullptr, 0);
}

std::pair<long, size_t> Decoder::parameter(std::string_view name) const
{
	long at = 0;
	for (const Parameter &p : program.params) {
		if (p.name == name)
			return {at, p.bytes};
		at += (long)(p.bytes + 15) / 16 * 16; // as launch_check lays them out
	}
	return {-1, 0};
}

Operand Decoder::slot(std::string_view name, Type t)
{
	auto [it, fresh] = registers.try_emplace(slot_key(*f, name));
	if (fresh)
		it->second = take_register(width_of(t));
	if (it->second.width != width_of(t))
		fail("the parameter of a call is written and read with different widths");
	return it->second.at;
}

// ---- Statements

void Decoder::emit()
{
	out.from = statement;
	if (!statement->guard.empty()) {
		out.guard = operand(statement->guard, Type::pred, false);
		out.negated = statement->negated;
	}
	program.code.push_back(out);
}

// call expands to moves of the parameters, the call, and moves of the results.
void Decoder::call(const std::vector<const FunctionText *> &all)
{
	take("uni");
	std::vector<std::string_view> results, params;
	if (peek()[0] == '(')
		results = split(next().substr(1, statement->args[0].size() - 2));
	std::string_view name = next();
	if (!peek().empty())
		params = split(next().substr(1, statement->args[arg - 1].size() - 2));
	auto to = std::find_if(all.begin(), all.end(), [&](auto *g) { return g->name == name; });
	if (to == all.end() || (*to)->entry)
		fail(format("there is no function %.*s", (int)name.size(), name.data()));
	auto pass = [&](const FunctionText *from, std::string_view what, const FunctionText *in, std::string_view as) {
		auto a = registers.find(slot_key(*from, what)), b = registers.find(slot_key(*in, as));
		if (from == f && b == registers.end())
			return; // the function does not read it
		if (a == registers.end())
			fail(format("%.*s is passed without a value", (int)what.size(), what.data()));
		if (b == registers.end())
			b = registers.emplace(slot_key(*in, as), take_register(a->second.width)).first;
		if (a->second.width != b->second.width)
			fail(format("%.*s is not passed as the function takes it", (int)what.size(), what.data()));
		out = Ins();
		out.run = a->second.width == Width::pair ? move<u64> : move<u32>;
		out.s[0] = a->second.at;
		out.d[0] = b->second.at;
		emit();
	};
	if (params.size() != (*to)->params.size() || results.size() != (*to)->results.size())
		fail("the function has another number of parameters or results");
	for (size_t k = 0; k < params.size(); k++)
		pass(f, params[k], *to, (*to)->params[k].name);
	out = Ins();
	out.kind = Kind::call;
	out.target = starts.at(name);
	emit();
	for (size_t k = 0; k < results.size(); k++)
		pass(*to, (*to)->results[k].name, f, results[k]);
}

void Decoder::instruction(const Statement &s, const std::vector<const FunctionText *> &all)
{
	statement = &s;
	words = s.words;
	arg = 0;
	out = Ins();
	out.first_register = (int)program.registers.size();
	if (s.op == "call")
		return call(all);
	if (s.op == "bra") {
		take("uni");
		out.kind = Kind::branch;
		next();
	} else if (s.op == "ret" || s.op == "exit") {
		take("uni");
		out.kind = s.op == "exit" || f->entry ? Kind::leave : Kind::back;
	} else {
		auto make = makers().find(s.op);
		if (make == makers().end())
			fail(format("the instruction %.*s is not supported", (int)s.op.size(), s.op.data()));
		make->second(*this);
	}
	if (!words.empty())
		fail(format("the modifier .%.*s is not supported", (int)words[0].size(), words[0].data()));
	if (arg != s.args.size())
		fail("more operands than the instruction has");
	emit();
}

void Decoder::function(const FunctionText &g, const std::vector<const FunctionText *> &all)
{
	f = &g;
	int start = (int)program.code.size();
	starts[g.name] = start;
	std::vector<int> at; // of each statement
	for (const Statement &s : g.code) {
		at.push_back((int)program.code.size());
		instruction(s, all);
	}
	const Statement *last = g.code.empty() ? nullptr : &g.code.back();
	if (!last || !last->guard.empty() || (last->op != "ret" && last->op != "exit" && last->op != "bra"))
		throw Bad{last ? last->line : g.line, format("%.*s goes on past its end", (int)g.name.size(), g.name.data())};
	for (int i = start; i < (int)program.code.size(); i++) {
		Ins &ins = program.code[(size_t)i];
		if (ins.kind != Kind::branch)
			continue;
		auto label = g.labels.find(ins.from->args[0]);
		if (label == g.labels.end() || label->second >= at.size()) {
			statement = ins.from;
			fail("the label is not there");
		}
		ins.target = at[label->second];
	}
	program.start = start;
}

namespace {

// collect lists the functions that one calls, before it.
void collect(const ModuleText &text, const FunctionText &f, std::vector<const FunctionText *> &done, std::vector<const FunctionText *> &within)
{
	if (std::find(done.begin(), done.end(), &f) != done.end())
		return;
	if (std::find(within.begin(), within.end(), &f) != within.end() || within.size() > max_calls)
		throw Bad{f.line, format("%.*s: recursion, or calls within each other deeper than %d", (int)f.name.size(), f.name.data(), max_calls)};
	within.push_back(&f);
	for (const Statement &s : f.code)
		if (s.op == "call")
			for (const FunctionText &g : text.functions)
				if (std::find(s.args.begin(), s.args.end(), g.name) != s.args.end())
					collect(text, g, done, within);
	within.pop_back();
	done.push_back(&f);
}

} // namespace

std::shared_ptr<const Program> decode(std::shared_ptr<ModuleText> text, const FunctionText &kernel)
{
	auto p = std::make_shared<Program>();
	p->text = text;
	p->name = kernel.name;
	p->params = kernel.params;
	p->max_threads = kernel.max_threads;
	std::vector<const FunctionText *> all, within;
	collect(*text, kernel, all, within);
	Decoder d(*p);
	for (const FunctionText *f : all)
		d.function(*f, all);
	p->register_bytes = (p->register_bytes + 255) / 256 * 256;
	return p;
}

} // namespace hdm::ptx
