// library.cpp: the emulated libraries' way to the emulated driver.
#include "library.h"

#include <dlfcn.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>

namespace emu {

namespace {

struct Driver {
	int (*access)(const char *, CUdeviceptr, size_t, int);
	void (*scratch)(CUdeviceptr, size_t);
	void (*misuse)(const char *);
	CUresult (*launch_host)(CUstream, CUhostFn, void *);
	CUresult (*device)(CUdevice *);
	CUresult (*uuid)(CUuuid *, CUdevice);
};

const Driver &driver()
{
	static Driver d = [] {
		Driver d = {};
		const char *path = getenv("HDMNET_CUDA_DRIVER");
		void *h = path ? dlopen(path, RTLD_NOW | RTLD_NOLOAD) : nullptr;
		auto find = [&](auto &f, const char *name) {
			f = h ? (std::remove_reference_t<decltype(f)>)dlsym(h, name) : nullptr;
			if (f)
				return;
			fprintf(stderr, "emulated library: HDMNET_CUDA_DRIVER is not the emulated driver: no %s\n", name);
			abort();
		};
		find(d.access, "hdm_emu_access");
		find(d.scratch, "hdm_emu_scratch");
		find(d.misuse, "hdm_emu_misuse");
		find(d.launch_host, "cuLaunchHostFunc");
		find(d.device, "cuCtxGetDevice");
		find(d.uuid, "cuDeviceGetUuid");
		return d;
	}();
	return d;
}

} // namespace

bool check(bool good, const char *function, const char *format, ...)
{
	if (good)
		return true;
	char text[1024];
	int n = snprintf(text, sizeof text, "%s: ", function);
	va_list args;
	va_start(args, format);
	vsnprintf(text + n, sizeof text - (size_t)n, format, args);
	va_end(args);
	driver().misuse(text);
	return false;
}

bool access(const char *function, const char *what, CUdeviceptr at, size_t bytes, bool write)
{
	std::string text = std::string(function) + "'s " + what;
	return driver().access(text.c_str(), at, bytes, write);
}

void scratch(CUdeviceptr at, size_t bytes)
{
	memset((void *)(uintptr_t)at, 0xff, bytes); // NaNs
	driver().scratch(at, bytes);
}

bool submit(const char *function, CUstream s, std::function<void()> work)
{
	static std::list<std::function<void()>> kept; // a graph may run them at any time
	kept.push_back(std::move(work));
	auto run = [](void *f) { (*(std::function<void()> *)f)(); };
	return check(driver().launch_host(s, run, &kept.back()) == CUDA_SUCCESS, function, "the stream is none");
}

std::string current_gpu()
{
	CUdevice d;
	CUuuid u;
	if (driver().device(&d) != CUDA_SUCCESS || driver().uuid(&u, d) != CUDA_SUCCESS)
		return "";
	char text[33];
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)u.bytes[i]);
	return text;
}

static bool listed(const char *variable, const char *word)
{
	const char *list = getenv(variable);
	return list && strstr(list, word);
}

bool refuses(const char *word) { return listed("HDMNET_EMU_REFUSE", word); }
bool fails(const char *word) { return listed("HDMNET_EMU_FAIL", word); }

} // namespace emu
