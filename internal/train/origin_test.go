package train

import "testing"

// TestArithmetic: processes of one machine compute alike, whatever their GPU and threads.
func TestArithmetic(t *testing.T) {
	for device, want := range map[string]string{
		"cpu (avx512, 16 threads)":                   "cpu (avx512)",
		"cpu (avx512, 1 threads)":                    "cpu (avx512)",
		"cuda:0 (NVIDIA H200, 139 GiB, CUDA 12.8)":   "cuda (NVIDIA H200, 139 GiB, CUDA 12.8)",
		"cuda:13 (NVIDIA A100, 80.0 GiB, CUDA 12.8)": "cuda (NVIDIA A100, 80.0 GiB, CUDA 12.8)",
		"cuda (NVIDIA A100)":                         "cuda (NVIDIA A100)",
	} {
		if got := arithmetic(device); got != want {
			t.Errorf("%s: %q, want %q", device, got, want)
		}
	}
}
