// pyramid_spread.cu: products of small maps with the nine taps of a 3×3 convolution, spread
// over a large map. Rows first: a line of y reads two rows of cells with each of three taps;
// their sums, 3·n vectors of Co for a map of n×n cells, serve the whole line.
// internal/op/pyramid_spread.go
#include "elements.cuh"

// Source is what position i of out reads of n cells with aligned corners:
// (1−far)·cell[near] + far·cell[next].
struct Source {
	int near, next;
	float far;
	__device__ Source(int i, int n, int out)
	{
		int last = out > 1 ? out - 1 : 1;
		near = (int)((i64)i * (n - 1) / last);
		far = (float)((i64)i * (n - 1) % last) / (float)last;
		next = near + 1 < n ? near + 1 : near;
	}
};

constexpr int MAX_LEVELS = 8;

// Levels are the maps q_l [B,n,n,3,3,Co], and where their vectors begin in a line.
struct Levels {
	int count, n[MAX_LEVELS], first[MAX_LEVELS];
	const float *q[MAX_LEVELS];
};

// lines[b·h+i, first + 3·v + kx, o] = Σ_ky up_rows(q)[b, i+ky−1, v, ky, kx, o], 0 outside;
// lines [B·h, vectors, Co]. channelGrid over all vectors.
extern "C" __global__ void __launch_bounds__(256) pyramid_lines(float *lines, Levels levels, int batch, int h, int co, int vectors, int quads)
{
	for_channels(co, quads, [&](int o, auto width) {
		FOR_ROWS(r, (i64)batch * h * vectors)
		{
			int vector = (int)(r % vectors), l = 0;
			while (l + 1 < levels.count && vector >= levels.first[l + 1])
				l++;
			const float *q = levels.q[l];
			int n = levels.n[l];
			vector -= levels.first[l]; // 3·v + kx
			i64 line = r / vectors, b = line / h;
			int i = (int)(line % h);
			Lanes<width.n> sum{};
			for (int ky = 0; ky < 3; ky++) {
				int at = i + ky - 1;
				if (at < 0 || at >= h)
					continue;
				Source s(at, n, h);
				// Cells of a row lie 9·Co apart, taps Co.
				i64 cell = (i64)(vector / 3) * 9 + ky * 3 + vector % 3;
				auto near = load(width, q + ((b * n + s.near) * n * 9 + cell) * co + o);
				auto next = load(width, q + ((b * n + s.next) * n * 9 + cell) * co + o);
				EACH(p, width)
				sum[p] += (1.0f - s.far) * near[p] + s.far * next[p];
			}
			store(width, lines + r * co + o, sum);
		}
	});
}

// y[b,i,j,o] = Σ_l Σ_kx up_columns(lines_l)[b·h+i, j+kx−1, kx, o], 0 outside; y [B,h,w,Co].
// channelGrid over the positions of y.
template <class T>
__device__ __forceinline__ void spread_columns(T *y, const float *lines, const Levels &levels, int batch, int h, int w, int co, int vectors, int quads)
{
	for_channels(co, quads, [&](int o, auto width) {
		FOR_ROWS(r, (i64)batch * h * w)
		{
			int j = (int)(r % w);
			const float *line = lines + r / w * vectors * co + o;
			Lanes<width.n> sum{};
			for (int l = 0; l < levels.count; l++)
				for (int kx = 0; kx < 3; kx++) {
					int at = j + kx - 1;
					if (at < 0 || at >= w)
						continue;
					Source s(at, levels.n[l], w);
					auto near = load(width, line + (i64)(levels.first[l] + 3 * s.near + kx) * co);
					auto next = load(width, line + (i64)(levels.first[l] + 3 * s.next + kx) * co);
					EACH(p, width)
					sum[p] += (1.0f - s.far) * near[p] + s.far * next[p];
				}
			store(width, y + r * co + o, sum);
		}
	});
}

extern "C" __global__ void __launch_bounds__(256)
	pyramid_columns(float *y, const float *lines, Levels levels, int batch, int h, int w, int co, int vectors, int quads)
{
	spread_columns(y, lines, levels, batch, h, w, co, vectors, quads);
}

extern "C" __global__ void __launch_bounds__(256)
	pyramid_columns_half(f16 *y, const float *lines, Levels levels, int batch, int h, int w, int co, int vectors, int quads)
{
	spread_columns(y, lines, levels, batch, h, w, co, vectors, quads);
}
