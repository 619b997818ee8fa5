// module.cpp: a module is PTX text. What runs are the kernels that the emulator was built
// with, but only those that the text names, with the parameters that it declares: a kernel
// that the committed PTX lacks fails as on a GPU.
#include <cstdlib>
#include <cstring>
#include <map>

#include "emu.h"

namespace hdm {

static std::map<std::string, Kernel> &kernels()
{
	static std::map<std::string, Kernel> all;
	return all;
}

void kernel_register(Kernel k) { kernels()[k.name] = k; }

namespace {

// parameter_size reads one declaration of a .param: .u64 name, or .align 8 .b8 name[24].
size_t parameter_size(const std::string &text)
{
	static const struct {
		const char *type;
		size_t bytes;
	} types[] = {{".u64", 8}, {".s64", 8}, {".b64", 8}, {".f64", 8}, {".u32", 4}, {".s32", 4}, {".b32", 4}, {".f32", 4},
	             {".u16", 2}, {".s16", 2}, {".b16", 2}, {".f16", 2}, {".u8", 1},  {".s8", 1},  {".b8", 1}};
	for (auto &t : types) {
		size_t at = text.find(t.type);
		if (at == std::string::npos)
			continue;
		size_t bracket = text.find('[', at);
		return t.bytes * (bracket == std::string::npos ? 1 : strtoul(text.c_str() + bracket + 1, nullptr, 10));
	}
	return 0;
}

} // namespace

CUresult module_load(const char *image, Module **out, std::string *log)
{
	std::string text = image;
	if (CUresult r = image_check(text, log); r != CUDA_SUCCESS)
		return r;
	Module *m = new Module();
	auto refuse = [&](const std::string &why) {
		*log = why;
		module_unload(m);
		return api_error(CUDA_ERROR_INVALID_PTX, "%s", why.c_str());
	};
	const char *entry = ".entry ";
	for (size_t at = text.find(entry); at != std::string::npos; at = text.find(entry, at + 1)) {
		size_t start = at + strlen(entry);
		size_t open = text.find('(', start), close = text.find(')', start), body = text.find('{', start);
		if (open == std::string::npos || close == std::string::npos || body == std::string::npos)
			return refuse("the PTX text ends within a .entry");
		std::string name = text.substr(start, open - start);
		while (!name.empty() && isspace((unsigned char)name.back()))
			name.pop_back();
		auto known = kernels().find(name);
		if (known == kernels().end())
			continue; // cuModuleGetFunction tells
		const Kernel &k = known->second;
		std::vector<size_t> sizes;
		std::string params = text.substr(open + 1, close - open - 1);
		for (size_t p = params.find(".param"); p != std::string::npos;) {
			size_t next = params.find(".param", p + 1);
			sizes.push_back(parameter_size(params.substr(p, next == std::string::npos ? next : next - p)));
			p = next;
		}
		if (sizes != k.sizes)
			return refuse(format("kernel %s has %zu parameters in the PTX and %zu in the emulator, or of other sizes: one of them is stale (make ptx && make emu)", name.c_str(), sizes.size(), k.sizes.size()));
		long threads = image_number(text.substr(close, body - close), ".maxntid ", 0);
		m->functions.push_back({name, new Function{&k, (int)threads, static_shared_limit}});
	}
	*out = m;
	return CUDA_SUCCESS;
}

} // namespace hdm
