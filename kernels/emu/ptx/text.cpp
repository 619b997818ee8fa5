// text.cpp: reads PTX text: functions, registers, labels, statements.
#include "text.h"

#include <cstdlib>
#include <cstring>

namespace hdm::ptx {

namespace {

constexpr struct {
	const char *name;
	Type type;
	size_t bytes;
} types[] = {{"pred", Type::pred, 1}, {"b8", Type::b8, 1},   {"b16", Type::b16, 2}, {"b32", Type::b32, 4}, {"b64", Type::b64, 8},
             {"u8", Type::u8, 1},     {"u16", Type::u16, 2}, {"u32", Type::u32, 4}, {"u64", Type::u64, 8}, {"s8", Type::s8, 1},
             {"s16", Type::s16, 2},   {"s32", Type::s32, 4}, {"s64", Type::s64, 8}, {"f16", Type::f16, 2}, {"f32", Type::f32, 4},
             {"f64", Type::f64, 8}};

bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool named(char c) { return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '%'; }

std::vector<std::string_view> words_of(std::string_view s)
{
	std::vector<std::string_view> out;
	for (size_t at = 0; at < s.size();) {
		while (at < s.size() && (blank(s[at]) || s[at] == ','))
			at++;
		size_t end = at;
		while (end < s.size() && !blank(s[end]) && s[end] != ',')
			end++;
		if (end > at)
			out.push_back(s.substr(at, end - at));
		at = end;
	}
	return out;
}

// uncommented blanks comments out, so that lines keep their numbers.
void uncomment(std::string &text)
{
	for (size_t at = 0; at + 1 < text.size(); at++) {
		if (text[at] != '/' || (text[at + 1] != '/' && text[at + 1] != '*'))
			continue;
		bool line = text[at + 1] == '/';
		size_t end = line ? text.find('\n', at) : text.find("*/", at + 2);
		end = end == std::string::npos ? text.size() : line ? end : end + 2;
		for (; at < end; at++)
			if (text[at] != '\n')
				text[at] = ' ';
	}
}

class Reader {
public:
	explicit Reader(ModuleText &m) : m(m), text(m.text) {}

	void module()
	{
		while (space(), at < text.size()) {
			std::string_view word = peek();
			if (word == ".version" || word == ".target" || word == ".address_size") {
				until("\n");
				continue;
			}
			int line = this->line;
			std::string_view head = until(";{");
			bool opened = at < text.size() && text[at] == '{';
			advance(1);
			if (head.find(".entry") != head.npos || head.find(".func") != head.npos) {
				if (opened)
					function(head, line);
			} else if (head.find(".shared") != head.npos && !opened) {
				m.shared.push_back(array(head, line));
			} else {
				throw Bad{line, format("%.*s is not supported: only functions and shared memory are", (int)head.size(), head.data())};
			}
		}
	}

private:
	ModuleText &m;
	std::string_view text;
	size_t at = 0;
	int line = 1;

	void advance(size_t n)
	{
		for (; n && at < text.size(); n--)
			line += text[at++] == '\n';
	}
	void space()
	{
		while (at < text.size() && blank(text[at]))
			advance(1);
	}
	std::string_view peek() const
	{
		size_t end = at;
		while (end < text.size() && !blank(text[end]))
			end++;
		return text.substr(at, end - at);
	}
	// until reads on to one of the characters.
	std::string_view until(const char *ends)
	{
		size_t end = std::min(text.find_first_of(ends, at), text.size());
		std::string_view s = text.substr(at, end - at);
		advance(end - at);
		return trimmed(s);
	}

	// array reads .shared .align 4 .b8 name[24].
	Array array(std::string_view s, int line)
	{
		auto w = words_of(s);
		Array a = {{}, 0, 1, false};
		size_t unit = 0;
		for (size_t i = 0; i < w.size(); i++) {
			if (w[i] == ".align" && i + 1 < w.size())
				a.align = strtoul(std::string(w[++i]).c_str(), nullptr, 10);
			else if (w[i][0] == '.' && type_named(w[i].substr(1)) != Type::none)
				unit = type_bytes(type_named(w[i].substr(1)));
		}
		std::string_view name = w.empty() ? s : w.back();
		size_t open = name.find('[');
		if (unit == 0 || name[0] == '.')
			throw Bad{line, format("%.*s: the size of the array is missing", (int)s.size(), s.data())};
		a.name = name.substr(0, open);
		size_t count = open == name.npos ? 1 : strtoul(std::string(name.substr(open + 1)).c_str(), nullptr, 10);
		a.bytes = count * unit;
		a.dynamic = count == 0;
		a.align = std::max(a.align, unit);
		return a;
	}

	std::vector<Parameter> parameters(std::string_view s, int line)
	{
		std::vector<Parameter> out;
		for (auto p : split(s)) {
			Array a = array(p, line);
			out.push_back({a.name, a.bytes});
		}
		return out;
	}

	void function(std::string_view head, int line)
	{
		FunctionText f;
		size_t word = head.find(".entry");
		f.entry = word != head.npos;
		std::string_view rest = trimmed(head.substr(f.entry ? word + 6 : head.find(".func") + 5));
		auto bracketed = [&]() {
			size_t close = rest.find(')');
			if (close == rest.npos)
				throw Bad{line, "a function's parameters are not closed by )"};
			auto inside = parameters(rest.substr(1, close - 1), line);
			rest = trimmed(rest.substr(close + 1));
			return inside;
		};
		if (rest[0] == '(')
			f.results = bracketed();
		size_t end = 0;
		while (end < rest.size() && named(rest[end]))
			end++;
		f.name = rest.substr(0, end);
		f.line = line;
		rest = trimmed(rest.substr(end));
		if (!rest.empty() && rest[0] == '(')
			f.params = bracketed();
		if (size_t limit = rest.find(".maxntid"); limit != rest.npos) {
			f.max_threads = 1;
			auto w = words_of(rest.substr(limit + 8));
			for (size_t i = 0; i < w.size() && i < 3 && isdigit((unsigned char)w[i][0]); i++)
				f.max_threads *= strtol(std::string(w[i]).c_str(), nullptr, 10);
		}
		body(f);
		m.functions.push_back(std::move(f));
	}

	void body(FunctionText &f)
	{
		for (int depth = 1; depth;) {
			space();
			if (at >= text.size())
				throw Bad{line, format("the text ends within %.*s", (int)f.name.size(), f.name.data())};
			if (text[at] == '{' || text[at] == '}') { // a scope of parameters for a call
				depth += text[at] == '{' ? 1 : -1;
				advance(1);
				continue;
			}
			int start = line;
			size_t end = at;
			while (end < text.size() && named(text[end]))
				end++;
			if (end > at && end < text.size() && text[end] == ':') {
				f.labels[text.substr(at, end - at)] = f.code.size();
				advance(end + 1 - at);
				continue;
			}
			std::string_view s = until(";");
			advance(1);
			if (s.empty())
				continue;
			if (s[0] == '.')
				directive(f, s, start);
			else
				f.code.push_back(statement(s, start));
		}
	}

	void directive(FunctionText &f, std::string_view s, int line)
	{
		auto w = words_of(s);
		if (w[0] == ".reg" && w.size() >= 3 && type_named(w[1].substr(1)) != Type::none) {
			for (size_t i = 2; i < w.size(); i++)
				f.registers[w[i].substr(0, w[i].find('<'))] = type_named(w[1].substr(1));
		} else if (w[0] == ".local") {
			if (f.local.bytes)
				throw Bad{line, "a second .local array in one function"};
			f.local = array(s, line);
		} else if (s.find(".shared") != s.npos) {
			m.shared.push_back(array(s, line));
		} else if (w[0] != ".param" && w[0] != ".pragma" && w[0] != ".loc") {
			throw Bad{line, format("the directive %.*s is not supported", (int)s.size(), s.data())};
		}
	}

	static Statement statement(std::string_view s, int line)
	{
		Statement out = {line, s, {}, false, {}, {}, {}};
		if (s[0] == '@') {
			out.negated = s.size() > 1 && s[1] == '!';
			size_t from = out.negated ? 2 : 1, end = from;
			while (end < s.size() && named(s[end]))
				end++;
			out.guard = s.substr(from, end - from);
			s = trimmed(s.substr(end));
		}
		size_t end = 0;
		while (end < s.size() && (isalnum((unsigned char)s[end]) || s[end] == '_' || s[end] == '.' || s[end] == ':'))
			end++;
		std::string_view name = s.substr(0, end);
		for (size_t from = 0; from <= name.size();) {
			size_t dot = std::min(name.find('.', from), name.size());
			std::string_view word = name.substr(from, dot - from);
			if (from == 0)
				out.op = word;
			else
				out.words.push_back(word);
			from = dot + 1;
		}
		out.args = split(s.substr(end));
		return out;
	}
};

} // namespace

size_t type_bytes(Type type)
{
	for (auto &t : types)
		if (t.type == type)
			return t.bytes;
	return 0;
}

Type type_named(std::string_view name)
{
	for (auto &t : types)
		if (t.name == name)
			return t.type;
	return Type::none;
}

std::string_view trimmed(std::string_view s)
{
	while (!s.empty() && blank(s.front()))
		s.remove_prefix(1);
	while (!s.empty() && blank(s.back()))
		s.remove_suffix(1);
	return s;
}

std::vector<std::string_view> split(std::string_view s)
{
	std::vector<std::string_view> out;
	int depth = 0;
	size_t from = 0;
	for (size_t i = 0; i <= s.size(); i++) {
		if (i < s.size()) {
			depth += strchr("([{", s[i]) ? 1 : strchr(")]}", s[i]) ? -1 : 0;
			if (s[i] != ',' || depth)
				continue;
		}
		std::string_view part = trimmed(s.substr(from, i - from));
		if (!part.empty())
			out.push_back(part);
		from = i + 1;
	}
	return out;
}

std::string text_file(const char *text)
{
	if (strncmp(text, "// From ", 8)) // what kernels/ptxgen writes
		return "PTX";
	return std::string(text + 8, strcspn(text + 8, ". \n")) + ".ptx";
}

std::unique_ptr<ModuleText> parse_text(const char *text)
{
	auto m = std::make_unique<ModuleText>();
	m->text = text;
	m->file = text_file(text);
	uncomment(m->text);
	Reader(*m).module();
	return m;
}

} // namespace hdm::ptx
