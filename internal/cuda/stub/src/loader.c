/* loader.c: how libcuda.c finds the driver. HDMNET_CUDA_DRIVER names another library than
 * the system's libcuda.so.1. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "cuda.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *driver;                 /* the open library, or NULL */
static char driver_path[4096];       /* what was opened */
static char driver_error[4096];      /* why nothing was */
static CUresult init_result = CUDA_ERROR_NOT_INITIALIZED;

static void open_driver(void)
{
	const char *named = getenv("HDMNET_CUDA_DRIVER");
	const char *paths[] = {"libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1"};
	size_t n = sizeof paths / sizeof *paths;
	if (named && *named) {
		paths[0] = named;
		n = 1;
	}
	for (size_t i = 0; i < n && !driver; i++) {
		driver = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
		if (driver) {
			snprintf(driver_path, sizeof driver_path, "%s", paths[i]);
		} else if (i == 0) {
			const char *why = dlerror();
			snprintf(driver_error, sizeof driver_error, "%s", why ? why : paths[i]);
		}
	}
	if (driver)
		driver_error[0] = 0;
}

static CUresult resolve(void **f, const char *symbol)
{
	if (__atomic_load_n(f, __ATOMIC_ACQUIRE))
		return CUDA_SUCCESS;
	pthread_once(&once, open_driver);
	if (!driver)
		return CUDA_ERROR_NOT_INITIALIZED;
	void *found = dlsym(driver, symbol);
	if (!found)
		return CUDA_ERROR_NOT_SUPPORTED;
	__atomic_store_n(f, found, __ATOMIC_RELEASE);
	return CUDA_SUCCESS;
}

/* cuInit always succeeds: gorgonia.org/cu calls it when the program starts and ends the
 * process when it fails. hdmnet_cuda_driver tells what the driver answered. */
CUresult cuInit(unsigned int flags)
{
	static CUresult (*f)(unsigned int);
	if (resolve((void **)&f, "cuInit") == CUDA_SUCCESS)
		init_result = f(flags);
	return CUDA_SUCCESS;
}

/* hdmnet_cuda_driver returns what cuInit of the driver answered, and the library that was
 * opened (path) or why none was (error); both are "" where they do not apply. */
CUresult hdmnet_cuda_driver(const char **path, const char **error);
CUresult hdmnet_cuda_driver(const char **path, const char **error)
{
	pthread_once(&once, open_driver);
	*path = driver_path;
	*error = driver_error;
	return init_result;
}

/* hdmnet_cuda_symbol finds a symbol that only some drivers have, or NULL. */
void *hdmnet_cuda_symbol(const char *name);
void *hdmnet_cuda_symbol(const char *name)
{
	pthread_once(&once, open_driver);
	return driver ? dlsym(driver, name) : NULL;
}
