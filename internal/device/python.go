package device

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// PythonLibraries are folders of a Python environment that hold NVIDIA's cuBLASLt, cuDNN or NCCL, as
// PyTorch brings them.
type PythonLibraries struct {
	Python  string   `json:"python"`  // the interpreter
	Folders []string `json:"folders"` // in the order in which it looks for modules
}

// Value is what names the folders in HDMNET_CUDA_LIBRARIES.
func (p *PythonLibraries) Value() string {
	return strings.Join(p.Folders, string(filepath.ListSeparator))
}

// pythonLibraries is asked of Python. pip puts the libraries into nvidia/cublas/lib, nvidia/cudnn/lib and
// nvidia/nccl/lib, since CUDA 13 into nvidia/cu13/lib, conda into lib of the environment; PyTorch's own
// wheels for CUDA 11 have them in torch/lib.
const pythonLibraries = `
import glob, json, os, sys
folders = []
for base in sys.path + [sys.prefix]:
    for folder in sorted(glob.glob(os.path.join(base, "nvidia", "*", "lib"))) + [os.path.join(base, "torch", "lib"), os.path.join(base, "lib")]:
        if folder not in folders and any(glob.glob(os.path.join(folder, "lib" + name + ".so.*")) for name in ("cublasLt", "cudnn", "nccl")):
            folders.append(folder)
print(json.dumps({"python": sys.executable, "folders": folders}))
`

// FindPythonLibraries asks the python3 of the search path for folders of NVIDIA's libraries. Its
// error says why there is no answer; no folder is an answer.
func FindPythonLibraries(ctx context.Context) (*PythonLibraries, error) {
	path, err := exec.LookPath("python3")
	if err != nil {
		return nil, fmt.Errorf("there is no python3 on the search path")
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-c", pythonLibraries)
	cmd.Dir = "/" // Python would import modules from the folder in which it starts
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: %w", path, err)
	}
	found := &PythonLibraries{}
	if err := json.Unmarshal(out, found); err != nil {
		return nil, fmt.Errorf("%s answers %.100q: %w", path, out, err)
	}
	return found, nil
}
