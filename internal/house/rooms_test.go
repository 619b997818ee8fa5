package house

// room is packages that do one kind of thing, by their paths in the module. They may import
// each other, and the packages of the rooms that it uses.
type room struct {
	name     string
	packages []string
	uses     []string
}

// rooms are all rooms. Each uses only rooms before it.
var rooms = []room{
	{"files", []string{"internal/atomicfile", "internal/filelock", "internal/infile", "internal/locate", "internal/lockfile", "internal/textfile"}, nil},
	{"constants", []string{"configs", "internal/labelmap", "internal/splitmix", "internal/tally"}, nil},
	{"machine", []string{"internal/memlimit"}, nil},
	{"page", []string{"internal/serve/page"}, nil},
	{"pictures", []string{"internal/annotate", "internal/jpeg", "internal/outline", "internal/overlay", "internal/picture", "internal/png", "internal/refine", "internal/rows"},
		[]string{"files", "constants"}},
	{"formats", []string{"internal/coco", "internal/featurestore", "internal/matfile", "internal/onnx", "internal/results", "internal/tensorboard", "internal/weights"}, []string{"files", "constants"}},
	{"settings", []string{"internal/config", "internal/run"}, []string{"files", "constants"}},

	// Pictures and scores: no device, no network.
	{"data", []string{"internal/data", "internal/metric"}, []string{"files", "constants", "pictures"}},

	// What computes. The devices do not know each other.
	{"operators", []string{"internal/op"}, []string{"constants"}},
	{"cpu", []string{"internal/cpu", "internal/cpu/amxemu"}, []string{"constants", "machine", "operators"}},
	{"kernels", []string{"kernels", "kernels/ptxgen", "kernels/ptxtable"}, nil},
	{"cuda", []string{"internal/cuda", "internal/cuda/autotune", "internal/cuda/stub"}, []string{"files", "operators", "kernels"}},
	{"devices", []string{"internal/device"}, []string{"operators", "cpu", "cuda"}},
	{"references", []string{"internal/golden", "internal/optest", "internal/synth"}, []string{"constants", "formats", "operators"}},
	{"observers", []string{"internal/profile", "internal/trace", "internal/trace/gen"}, []string{"operators"}},

	// Several processes: the group, data sets that they read and make together, and the
	// engines that carry their sums.
	{"processes", []string{"internal/dist", "internal/dist/disttest"}, []string{"files", "operators"}},
	{"data sets", []string{"internal/demo", "internal/prepare", "internal/stats", "internal/verify"}, []string{"files", "constants", "pictures", "formats", "data", "processes"}},
	{"process engines", []string{"internal/dist/engine", "internal/dist/mpi", "internal/dist/nccl"}, []string{"operators", "cuda", "processes"}},

	// Networks, and what is done with them, on a device that they are given.
	{"layers", []string{"internal/nn"}, []string{"formats", "operators"}},
	{"encoders", []string{"internal/vit"}, []string{"formats", "operators", "layers"}},
	{"features", []string{"internal/foundation"}, []string{"data", "operators", "layers", "encoders"}},
	{"networks", []string{"internal/insid3", "internal/model", "internal/prototypes"},
		[]string{"files", "constants", "formats", "data", "operators", "layers", "encoders", "features"}},
	{"tasks", []string{"internal/eval", "internal/predict", "internal/selftest", "internal/tta"},
		[]string{"files", "constants", "pictures", "formats", "data", "operators", "observers", "layers", "networks"}},
	{"experiment", []string{"internal/experiment"},
		[]string{"files", "pictures", "formats", "settings", "data", "data sets", "operators", "processes", "layers", "encoders", "features", "networks"}},
	{"training", []string{"internal/bench", "internal/train"},
		[]string{"files", "constants", "formats", "settings", "data", "operators", "references", "observers", "processes", "layers", "networks", "tasks", "experiment"}},
	{"reports", []string{"internal/report"}, []string{"files", "formats", "settings", "training"}},
	{"server", []string{"internal/labelstudio", "internal/serve", "internal/serve/engine", "internal/serve/fault", "internal/serve/project", "internal/serve/strokes", "internal/serve/studio"},
		[]string{"files", "page", "pictures", "formats", "data", "operators", "layers", "tasks"}},

	{"flags and screens", []string{"internal/cli/flags", "internal/cli/ui"},
		[]string{"files", "pictures", "formats", "settings", "data", "operators", "devices", "processes", "process engines", "networks", "tasks", "experiment"}},
	{"commands", []string{"internal/cli/bench", "internal/cli/config", "internal/cli/data", "internal/cli/doctor", "internal/cli/eval", "internal/cli/export",
		"internal/cli/manual", "internal/cli/predict", "internal/cli/report", "internal/cli/root", "internal/cli/serve", "internal/cli/train", "internal/cli/weights"},
		[]string{"files", "constants", "machine", "pictures", "formats", "settings", "data", "data sets", "operators", "cpu", "devices", "observers",
			"processes", "layers", "networks", "tasks", "experiment", "training", "reports", "server", "flags and screens"}},
	{"programs", []string{"cmd/hdmnet", "internal/house", "scripts/demonet", "scripts/glibc", "scripts/gpucheck", "scripts/release"}, []string{"files", "machine", "settings", "data sets", "process engines", "flags and screens", "commands"}},
}

// libraries are those of others that one place alone may import, and the places.
var libraries = map[string][]string{
	"github.com/spf13/viper": {"internal/config"},
	"github.com/spf13/cobra": {"internal/cli/"},
	"gorgonia.org/cu":        {"internal/cuda"},
	"gonum.org/v1/plot":      {"internal/train"},
}
