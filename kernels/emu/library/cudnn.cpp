// cudnn.cpp: cuDNN's convolutions (the functions that versions 8 and 9 share), by definition.
#include "library.h"

#include <cstdlib>
#include <cstring>

using namespace emu;

namespace {

constexpr int success = CUDNN_STATUS_SUCCESS, bad_param = 2000, not_supported = 3000, internal_error = 4000;

struct Handle {
	CUstream stream = nullptr;
	bool has_stream = false;
};
struct Tensor {
	bool set = false;
	int type, n, c, h, w;
	size_t size() const { return (size_t)n * c * h * w; }
	size_t bytes() const { return size() * (type == CUDNN_DATA_FLOAT ? 4 : 2); }
};
struct Filter {
	bool set = false;
	int type, k, c, h, w;
	size_t size() const { return (size_t)k * c * h * w; }
	size_t bytes() const { return size() * (type == CUDNN_DATA_FLOAT ? 4 : 2); }
};
struct Conv {
	bool set = false;
	int pad[2], stride[2], dilation[2], math = CUDNN_DEFAULT_MATH;
};
struct Activation {
	bool set = false;
	int mode;
};

struct Problem {
	const char *f; // the function that was called
	Tensor x, y;
	Filter w;
	Conv conv;
	bool forward;
};
bool known_type(int t) { return t == CUDNN_DATA_FLOAT || t == CUDNN_DATA_BFLOAT16; }
// consistent checks descriptors against each other; the status of what is wrong.
int consistent(const char *f, bool forward, cudnnHandle_t handle, cudnnTensorDescriptor_t hx, cudnnFilterDescriptor_t hw,
               cudnnConvolutionDescriptor_t hc, cudnnTensorDescriptor_t hy, Problem *out)
{
	Handle *h = live<Handle>(handle, f, "the library's handle");
	Tensor *x = live<Tensor>(hx, f, "the descriptor of x"), *y = live<Tensor>(hy, f, "the descriptor of y");
	Filter *w = live<Filter>(hw, f, "the descriptor of w");
	Conv *c = live<Conv>(hc, f, "the descriptor of the convolution");
	if (!h || !x || !y || !w || !c || !check(h->has_stream, f, "the handle has no stream") ||
	    !check(x->set && y->set && w->set && c->set, f, "a descriptor was not set"))
		return bad_param;
	if (!check(x->type == y->type && x->type == w->type, f, "types of x %d, w %d, y %d", x->type, w->type, y->type))
		return bad_param;
	if (!check(x->type == CUDNN_DATA_FLOAT || c->math != CUDNN_FMA_MATH, f, "bf16 without tensor cores"))
		return bad_param;
	auto extent = [&](int in, int kernel, int i) { return (in + 2 * c->pad[i] - c->dilation[i] * (kernel - 1) - 1) / c->stride[i] + 1; };
	if (!check(x->n == y->n && x->c == w->c && y->c == w->k && y->h == extent(x->h, w->h, 0) && y->w == extent(x->w, w->w, 1), f,
	           "x %d×%d×%d×%d, w %d×%d×%d×%d, y %d×%d×%d×%d", x->n, x->h, x->w, x->c, w->k, w->h, w->w, w->c, y->n, y->h, y->w, y->c))
		return bad_param;
	*out = Problem{f, *x, *y, *w, *c, forward};
	return success;
}

// workspace_of is what an algorithm needs: the emulated algorithm 0 nothing.
size_t workspace_of(const Problem &p, int algo) { return algo == 0 ? 0 : (5 << 18) + p.y.size() % 4096; }

int workspace_size(const char *f, const Problem &p, int algo, size_t *bytes)
{
	// NHWC has the two implicit products forward; the gradients' algorithm 0 is not
	// deterministic, and nobody asks for it.
	if (!check(bytes && (algo == 1 || (p.forward && algo == 0)), f, "algorithm %d", algo))
		return bad_param;
	if (fails("workspace"))
		return internal_error;
	if (refuses(p.forward ? "forward" : "gradient") || (p.x.type == CUDNN_DATA_BFLOAT16 && algo == 0))
		return not_supported;
	*bytes = workspace_of(p, algo);
	return success;
}

bool usable(const Problem &p, int algo, const void *x, const void *w, const void *y, const void *workspace, size_t bytes)
{
	size_t need = 0;
	if (!check(workspace_size(p.f, p, algo, &need) == success, p.f, "algorithm %d is not supported", algo) ||
	    !check(bytes >= need && (!need || workspace), p.f, "a workspace of %zu bytes; %zu are needed", bytes, need))
		return false;
	for (const void *q : {x, w, y})
		if (!check(q && address(q) % 16 == 0, p.f, "an operand at %p: not a multiple of 16", q))
			return false;
	return check(!overlap(x, p.x.bytes(), y, p.y.bytes()) && !overlap(x, p.x.bytes(), w, p.w.bytes()) && !overlap(y, p.y.bytes(), w, p.w.bytes()),
	             p.f, "x, w and y overlap");
}

float value(int type, const void *p, size_t at) { return type == CUDNN_DATA_FLOAT ? ((const float *)p)[at] : bf16_value(((const uint16_t *)p)[at]); }
void put(int type, void *p, size_t at, float v)
{
	if (type == CUDNN_DATA_FLOAT)
		((float *)p)[at] = v;
	else
		((uint16_t *)p)[at] = to_bf16(v);
}

std::vector<float> values(const Problem &p, const void *at, size_t n)
{
	std::vector<float> v(n);
	for (size_t i = 0; i < n; i++) {
		v[i] = value(p.x.type, at, i);
		if (p.x.type == CUDNN_DATA_FLOAT && p.conv.math != CUDNN_FMA_MATH)
			v[i] = to_tf32(v[i]);
	}
	return v;
}

// each calls run(position of y, position of x, tap) for all pairs that meet.
template <class F> void each(const Problem &p, F run)
{
	for (int n = 0; n < p.y.n; n++)
		for (int i = 0; i < p.y.h; i++)
			for (int j = 0; j < p.y.w; j++)
				for (int r = 0; r < p.w.h; r++)
					for (int s = 0; s < p.w.w; s++) {
						int a = i * p.conv.stride[0] - p.conv.pad[0] + r * p.conv.dilation[0];
						int b = j * p.conv.stride[1] - p.conv.pad[1] + s * p.conv.dilation[1];
						if (a >= 0 && a < p.x.h && b >= 0 && b < p.x.w)
							run(((size_t)n * p.y.h + i) * p.y.w + j, ((size_t)n * p.x.h + a) * p.x.w + b, r * p.w.w + s);
					}
}

bool reads(const Problem &p, const char *what, const void *at, size_t bytes) { return access(p.f, what, address(at), bytes, false); }
bool writes(const Problem &p, const char *what, const void *at, size_t bytes) { return access(p.f, what, address(at), bytes, true); }
void use_workspace(const Problem &p, int algo, CUdeviceptr at)
{
	size_t need = workspace_of(p, algo);
	if (need && access(p.f, "workspace", at, need, true))
		scratch(at, need);
}

std::vector<float> forward(const Problem &p, const void *x, const void *w)
{
	std::vector<float> vx = values(p, x, p.x.size()), vw = values(p, w, p.w.size()), y(p.y.size());
	size_t ci = (size_t)p.x.c, co = (size_t)p.y.c, taps = (size_t)p.w.h * p.w.w;
	each(p, [&](size_t out, size_t in, int tap) {
		for (size_t o = 0; o < co; o++) {
			const float *a = &vx[in * ci], *b = &vw[(o * taps + tap) * ci];
			float sum = y[out * co + o];
			for (size_t c = 0; c < ci; c++)
				sum = std::fma(a[c], b[c], sum);
			y[out * co + o] = sum;
		}
	});
	return y;
}

template <class T> int finish_set(const char *f, T *t, bool good, const char *what)
{
	if (t)
		t->set = check(good, f, "%s", what);
	return t && t->set ? success : bad_param;
}

int done(bool good) { return good ? success : bad_param; }
} // namespace

// HDMNET_EMU_CUDNN is the version that it says it is.
EXPORT size_t cudnnGetVersion(void)
{
	const char *v = getenv("HDMNET_EMU_CUDNN");
	return v ? strtoul(v, nullptr, 10) : 91002;
}
EXPORT const char *cudnnGetErrorString(int status)
{
	switch (status) {
	case not_supported: return "CUDNN_STATUS_NOT_SUPPORTED";
	case internal_error: return "CUDNN_STATUS_INTERNAL_ERROR";
	}
	return "CUDNN_STATUS_BAD_PARAM";
}

EXPORT int cudnnCreate(cudnnHandle_t *out)
{
	if (refuses("start"))
		return 1001;
	made<Handle>(out);
	return success;
}

EXPORT int cudnnDestroy(cudnnHandle_t h)
{
	const char *f = "cudnnDestroy";
	check(handles<Handle>().size() > 1 || (handles<Tensor>().empty() && handles<Filter>().empty() && handles<Conv>().empty() && handles<Activation>().empty()), f,
	      "leak: %zu descriptors of tensors, %zu of filters, %zu of convolutions, %zu of activations", handles<Tensor>().size(),
	      handles<Filter>().size(), handles<Conv>().size(), handles<Activation>().size());
	return done(destroy<Handle>(h, f));
}

EXPORT int cudnnSetStream(cudnnHandle_t h, CUstream s)
{
	Handle *l = live<Handle>(h, "cudnnSetStream", "the library's handle");
	if (l)
		*l = Handle{s, true};
	return done(l);
}

EXPORT int cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *out) { return done(made<Tensor>(out)); }
EXPORT int cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t h) { return done(destroy<Tensor>(h, "cudnnDestroyTensorDescriptor")); }
EXPORT int cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *out) { return done(made<Filter>(out)); }
EXPORT int cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t h) { return done(destroy<Filter>(h, "cudnnDestroyFilterDescriptor")); }
EXPORT int cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *out) { return done(made<Conv>(out)); }
EXPORT int cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t h) { return done(destroy<Conv>(h, "cudnnDestroyConvolutionDescriptor")); }
EXPORT int cudnnCreateActivationDescriptor(cudnnActivationDescriptor_t *out) { return done(made<Activation>(out)); }
EXPORT int cudnnDestroyActivationDescriptor(cudnnActivationDescriptor_t h) { return done(destroy<Activation>(h, "cudnnDestroyActivationDescriptor")); }

EXPORT int cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t h, int format, int type, int n, int c, int height, int width)
{
	const char *f = "cudnnSetTensor4dDescriptor";
	Tensor *t = live<Tensor>(h, f, "the descriptor");
	if (t)
		*t = Tensor{false, type, n, c, height, width};
	return finish_set(f, t, format == CUDNN_TENSOR_NHWC && known_type(type) && n > 0 && c > 0 && height > 0 && width > 0, "format, type or extents");
}

EXPORT int cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t h, int type, int format, int k, int c, int height, int width)
{
	const char *f = "cudnnSetFilter4dDescriptor";
	Filter *t = live<Filter>(h, f, "the descriptor");
	if (t)
		*t = Filter{false, type, k, c, height, width};
	return finish_set(f, t, format == CUDNN_TENSOR_NHWC && known_type(type) && k > 0 && c > 0 && height > 0 && width > 0, "format, type or extents");
}

EXPORT int cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t h, int ph, int pw, int sh, int sw, int dh, int dw, int mode, int type)
{
	const char *f = "cudnnSetConvolution2dDescriptor";
	Conv *c = live<Conv>(h, f, "the descriptor");
	if (c)
		*c = Conv{false, {ph, pw}, {sh, sw}, {dh, dw}, c->math};
	bool good = ph >= 0 && pw >= 0 && sh > 0 && sw > 0 && dh > 0 && dw > 0 && mode == CUDNN_CROSS_CORRELATION && type == CUDNN_DATA_FLOAT;
	return finish_set(f, c, good, "geometry, mode or type of the sums");
}

EXPORT int cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t h, int math)
{
	const char *f = "cudnnSetConvolutionMathType";
	Conv *c = live<Conv>(h, f, "the descriptor");
	if (c)
		c->math = math;
	return done(c && check(math == CUDNN_DEFAULT_MATH || math == CUDNN_TENSOR_OP_MATH || math == CUDNN_FMA_MATH, f, "type %d", math));
}

EXPORT int cudnnSetActivationDescriptor(cudnnActivationDescriptor_t h, int mode, int nan, double)
{
	const char *f = "cudnnSetActivationDescriptor";
	Activation *a = live<Activation>(h, f, "the descriptor");
	if (a)
		a->mode = mode;
	return finish_set(f, a, (mode == CUDNN_ACTIVATION_RELU || mode == CUDNN_ACTIVATION_IDENTITY) && (nan == 0 || nan == 1), "mode");
}

EXPORT int cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t h, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                                                   cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t y, int algo, size_t *bytes)
{
	const char *f = "cudnnGetConvolutionForwardWorkspaceSize";
	Problem p;
	int status = consistent(f, true, h, x, w, c, y, &p);
	return status ? status : workspace_size(f, p, algo, bytes);
}

EXPORT int cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t h, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy,
                                                        cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t dx, int algo, size_t *bytes)
{
	const char *f = "cudnnGetConvolutionBackwardDataWorkspaceSize";
	Problem p;
	int status = consistent(f, false, h, dx, w, c, dy, &p);
	return status ? status : workspace_size(f, p, algo, bytes);
}

EXPORT int cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t h, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy,
                                                          cudnnConvolutionDescriptor_t c, cudnnFilterDescriptor_t dw, int algo, size_t *bytes)
{
	const char *f = "cudnnGetConvolutionBackwardFilterWorkspaceSize";
	Problem p;
	int status = consistent(f, false, h, x, dw, c, dy, &p);
	return status ? status : workspace_size(f, p, algo, bytes);
}

EXPORT int cudnnConvolutionForward(cudnnHandle_t h, const void *alpha, cudnnTensorDescriptor_t hx, const void *x, cudnnFilterDescriptor_t hw,
                                   const void *w, cudnnConvolutionDescriptor_t hc, int algo, void *workspace, size_t bytes, const void *beta,
                                   cudnnTensorDescriptor_t hy, void *y)
{
	Problem p;
	const char *f = "cudnnConvolutionForward";
	int status = consistent(f, true, h, hx, hw, hc, hy, &p);
	if (status || !usable(p, algo, x, w, y, workspace, bytes))
		return status ? status : bad_param;
	if (!check(*(const float *)alpha == 1 && *(const float *)beta == 0, f, "scales that are not emulated"))
		return bad_param;
	if (fails("convolve"))
		return internal_error;
	CUdeviceptr at = address(workspace);
	return done(submit(f, ((Handle *)h)->stream, [=] {
		use_workspace(p, algo, at);
		if (!reads(p, "x", x, p.x.bytes()) || !reads(p, "w", w, p.w.bytes()) || !writes(p, "y", y, p.y.bytes()))
			return;
		std::vector<float> v = forward(p, x, w);
		for (size_t i = 0; i < v.size(); i++)
			put(p.y.type, y, i, v[i]);
	}));
}

EXPORT int cudnnConvolutionBiasActivationForward(cudnnHandle_t h, const void *alpha1, cudnnTensorDescriptor_t hx, const void *x,
                                                 cudnnFilterDescriptor_t hw, const void *w, cudnnConvolutionDescriptor_t hc, int algo,
                                                 void *workspace, size_t bytes, const void *alpha2, cudnnTensorDescriptor_t hz, const void *z,
                                                 cudnnTensorDescriptor_t hbias, const void *bias, cudnnActivationDescriptor_t ha,
                                                 cudnnTensorDescriptor_t hy, void *y)
{
	Problem p;
	const char *f = "cudnnConvolutionBiasActivationForward";
	int status = consistent(f, true, h, hx, hw, hc, hy, &p);
	Tensor *tz = live<Tensor>(hz, f, "the descriptor of z"), *tb = live<Tensor>(hbias, f, "the descriptor of the bias");
	Activation *a = live<Activation>(ha, f, "the descriptor of the activation");
	if (status || !tz || !tb || !a || !usable(p, algo, x, w, y, workspace, bytes))
		return status ? status : bad_param;
	bool same = tz->set && tz->type == p.y.type && tz->n == p.y.n && tz->c == p.y.c && tz->h == p.y.h && tz->w == p.y.w;
	if (!check(same, f, "z is not like y") || !check(tb->set && tb->type == p.y.type && tb->n == 1 && tb->c == p.y.c && tb->h == 1 && tb->w == 1, f, "the bias is not 1×%d×1×1 of y's type", p.y.c) ||
	    !check(z && bias && address(z) % 16 == 0 && address(bias) % 16 == 0, f, "z at %p, bias at %p: null, or not a multiple of 16", z, bias) ||
	    !check(!overlap(x, p.x.bytes(), z, p.y.bytes()), f, "z overlaps x") || !check(z == y || !overlap(z, p.y.bytes(), y, p.y.bytes()), f, "z overlaps y and is not y") ||
	    !check(a->set && (a->mode == CUDNN_ACTIVATION_RELU || algo == 1), f, "without an activation only algorithm 1 is allowed, not %d", algo))
		return bad_param;
	float scale = *(const float *)alpha2;
	if (!check(*(const float *)alpha1 == 1, f, "scales that are not emulated"))
		return bad_param;
	if (refuses("fused"))
		return not_supported;
	bool relu = a->mode == CUDNN_ACTIVATION_RELU;
	if (fails("convolve"))
		return internal_error;
	CUdeviceptr at = address(workspace);
	return done(submit(f, ((Handle *)h)->stream, [=] {
		use_workspace(p, algo, at);
		size_t co = (size_t)p.y.c;
		if (!reads(p, "x", x, p.x.bytes()) || !reads(p, "w", w, p.w.bytes()) || !reads(p, "bias", bias, co * p.y.bytes() / p.y.size()) ||
		    (scale != 0 && !reads(p, "z", z, p.y.bytes())) || !writes(p, "y", y, p.y.bytes()))
			return;
		std::vector<float> v = forward(p, x, w);
		for (size_t i = 0; i < v.size(); i++) {
			float r = v[i] + value(p.y.type, bias, i % co);
			if (scale != 0)
				r += scale * value(p.y.type, z, i);
			put(p.y.type, y, i, relu && r < 0 ? 0 : r);
		}
	}));
}

EXPORT int cudnnConvolutionBackwardData(cudnnHandle_t h, const void *alpha, cudnnFilterDescriptor_t hw, const void *w, cudnnTensorDescriptor_t hy,
                                        const void *dy, cudnnConvolutionDescriptor_t hc, int algo, void *workspace, size_t bytes, const void *beta,
                                        cudnnTensorDescriptor_t hx, void *dx)
{
	Problem p;
	const char *f = "cudnnConvolutionBackwardData";
	int status = consistent(f, false, h, hx, hw, hc, hy, &p);
	if (status || !usable(p, algo, dx, w, dy, workspace, bytes))
		return status ? status : bad_param;
	float al = *(const float *)alpha, be = *(const float *)beta;
	if (fails("convolve"))
		return internal_error;
	CUdeviceptr at = address(workspace);
	return done(submit(f, ((Handle *)h)->stream, [=] {
		use_workspace(p, algo, at);
		if (!reads(p, "dy", dy, p.y.bytes()) || !reads(p, "w", w, p.w.bytes()) || (be != 0 && !reads(p, "dx", dx, p.x.bytes())) || !writes(p, "dx", dx, p.x.bytes()))
			return;
		std::vector<float> vy = values(p, dy, p.y.size()), vw = values(p, w, p.w.size()), sum(p.x.size());
		size_t ci = (size_t)p.x.c, co = (size_t)p.y.c, taps = (size_t)p.w.h * p.w.w;
		each(p, [&](size_t out, size_t in, int tap) {
			for (size_t o = 0; o < co; o++)
				for (size_t c = 0; c < ci; c++)
					sum[in * ci + c] = std::fma(vy[out * co + o], vw[(o * taps + tap) * ci + c], sum[in * ci + c]);
		});
		for (size_t i = 0; i < sum.size(); i++)
			put(p.x.type, dx, i, al * sum[i] + (be != 0 ? be * value(p.x.type, dx, i) : 0));
	}));
}

EXPORT int cudnnConvolutionBackwardFilter(cudnnHandle_t h, const void *alpha, cudnnTensorDescriptor_t hx, const void *x, cudnnTensorDescriptor_t hy,
                                          const void *dy, cudnnConvolutionDescriptor_t hc, int algo, void *workspace, size_t bytes, const void *beta,
                                          cudnnFilterDescriptor_t hw, void *dw)
{
	Problem p;
	const char *f = "cudnnConvolutionBackwardFilter";
	int status = consistent(f, false, h, hx, hw, hc, hy, &p);
	if (status || !usable(p, algo, x, dw, dy, workspace, bytes))
		return status ? status : bad_param;
	float al = *(const float *)alpha, be = *(const float *)beta;
	if (fails("convolve"))
		return internal_error;
	CUdeviceptr at = address(workspace);
	return done(submit(f, ((Handle *)h)->stream, [=] {
		use_workspace(p, algo, at);
		if (!reads(p, "dy", dy, p.y.bytes()) || !reads(p, "x", x, p.x.bytes()) || (be != 0 && !reads(p, "dw", dw, p.w.bytes())) || !writes(p, "dw", dw, p.w.bytes()))
			return;
		std::vector<float> vy = values(p, dy, p.y.size()), vx = values(p, x, p.x.size()), sum(p.w.size());
		size_t ci = (size_t)p.x.c, co = (size_t)p.y.c, taps = (size_t)p.w.h * p.w.w;
		each(p, [&](size_t out, size_t in, int tap) {
			for (size_t o = 0; o < co; o++)
				for (size_t c = 0; c < ci; c++)
					sum[(o * taps + tap) * ci + c] = std::fma(vy[out * co + o], vx[in * ci + c], sum[(o * taps + tap) * ci + c]);
		});
		for (size_t i = 0; i < sum.size(); i++)
			put(p.w.type, dw, i, al * sum[i] + (be != 0 ? be * value(p.w.type, dw, i) : 0));
	}));
}
