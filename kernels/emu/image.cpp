// image.cpp: what a driver refuses of PTX text before it looks at a kernel.
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "emu.h"

namespace hdm {

long image_number(const std::string &text, const char *word, long otherwise)
{
	size_t at = text.find(word);
	return at == std::string::npos ? otherwise : strtol(text.c_str() + at + strlen(word), nullptr, 10);
}

CUresult image_check(const std::string &text, std::string *log)
{
	const char *refused = getenv("HDMNET_EMU_REFUSE");
	if (refused && strstr(refused, "load")) {
		*log = "HDMNET_EMU_REFUSE=load";
		return api_error(CUDA_ERROR_JIT_COMPILER_NOT_FOUND, "%s", log->c_str());
	}
	const char *slow = getenv("HDMNET_EMU_COMPILE");
	if (slow && *slow && text.rfind(format("// From %s.cu;", slow), 0) == 0)
		usleep(600000);
	if (text.find(".version ") == std::string::npos || text.find(".target ") == std::string::npos) {
		*log = "the image is no PTX text: it has no .version and .target";
		return api_error(CUDA_ERROR_INVALID_IMAGE, "%s", log->c_str());
	}
	long major = image_number(text, ".version ", 0);
	long driver = env_number("HDMNET_EMU_DRIVER", 12000) / 1000;
	if (major > driver - 4) { // PTX 7.x came with CUDA 11.x, 8.x with 12.x
		*log = format("PTX of version %ld.x needs a newer driver than CUDA %ld", major, driver);
		return api_error(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "%s", log->c_str());
	}
	if (image_number(text, ".target sm_", 0) > env_number("HDMNET_EMU_CC", 80)) {
		*log = "the PTX is for a newer GPU";
		return api_error(CUDA_ERROR_NO_BINARY_FOR_GPU, "%s", log->c_str());
	}
	return CUDA_SUCCESS;
}

void module_unload(Module *m)
{
	for (auto &f : m->functions)
		delete f.second;
	delete m;
}

} // namespace hdm
