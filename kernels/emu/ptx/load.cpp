// load.cpp: in the place of module.cpp: every kernel of a PTX text is read and decoded when the
// module is loaded, so that what the interpreter does not know is an error then.
#include <map>
#include <mutex>

#include "program.h"

namespace hdm {

using namespace ptx;

namespace {

std::mutex lock;
std::map<std::string, std::vector<std::shared_ptr<PtxKernel>>> loaded; // by text: devices are opened many times

std::vector<std::shared_ptr<PtxKernel>> read(const char *image)
{
	std::shared_ptr<ModuleText> text = parse_text(image);
	std::vector<std::shared_ptr<PtxKernel>> kernels;
	for (const FunctionText &f : text->functions) {
		if (!f.entry)
			continue;
		auto k = std::make_shared<PtxKernel>();
		k->program = decode(text, f);
		k->name = k->program->name.c_str();
		k->call = nullptr;
		k->f = nullptr;
		for (const Parameter &p : f.params)
			k->sizes.push_back(p.bytes);
		kernels.push_back(k);
	}
	return kernels;
}

} // namespace

CUresult module_load(const char *image, Module **out, std::string *log)
{
	if (CUresult r = image_check(image, log); r != CUDA_SUCCESS)
		return r;
	std::lock_guard<std::mutex> hold(lock);
	auto &kernels = loaded[image];
	try {
		if (kernels.empty())
			kernels = read(image);
	} catch (Bad &b) {
		*log = format("%s:%d: %s", text_file(image).c_str(), b.line, b.what.c_str());
		loaded.erase(image);
		return api_error(CUDA_ERROR_INVALID_PTX, "%s", log->c_str());
	}
	Module *m = new Module();
	for (auto &k : kernels)
		m->functions.push_back({k->name, new Function{k.get(), (int)k->program->max_threads, static_shared_limit}});
	*out = m;
	return CUDA_SUCCESS;
}

} // namespace hdm
