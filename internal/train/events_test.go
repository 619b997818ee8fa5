package train

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// point is a scalar of an event; of other values only the step is read.
type point struct {
	step  int
	value float64
}

// readEvents reads the files of a folder, in their order, by tag.
func readEvents(t *testing.T, dir string) map[string][]point {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of events in %s: %v", len(files), dir, err)
	}
	slices.Sort(files)
	all := map[string][]point{}
	for _, path := range files {
		for b := read(t, path); len(b) > 0; {
			n := int(binary.LittleEndian.Uint64(b))
			event := protoFields(b[12:][:n])
			step, _ := protowire.ConsumeVarint(event[2][0])
			for _, summary := range event[5] {
				for _, v := range protoFields(summary)[1] {
					value := protoFields(v)
					p := point{step: int(step)}
					if scalar := value[2]; scalar != nil {
						p.value = float64(math.Float32frombits(binary.LittleEndian.Uint32(scalar[0])))
					}
					all[string(value[1][0])] = append(all[string(value[1][0])], p)
				}
			}
			b = b[12+n+4:]
		}
	}
	return all
}

// protoFields are the contents of a message's fields by number.
func protoFields(b []byte) map[protowire.Number][][]byte {
	out := map[protowire.Number][][]byte{}
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		b = b[n:]
		size := protowire.ConsumeFieldValue(num, kind, b)
		v := b[:size]
		if kind == protowire.BytesType {
			v, _ = protowire.ConsumeBytes(b)
		}
		out[num], b = append(out[num], v), b[size:]
	}
	return out
}

// crashAfter ends a training, as a killed process would, after n of its steps.
func crashAfter(t *testing.T, o Options, n int) {
	t.Helper()
	crash := errors.New("crash")
	o.Hooks = []Hook{{Name: "crash", Priority: priorityCheckpoint - 1, Step: func(*Status) error {
		if n--; n == 0 {
			return crash
		}
		return nil
	}}}
	if err := Run(context.Background(), o); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	o.Dir.Close()
}

// TestEvents: TensorBoard gets every tag of the released program, the values of
// metrics.jsonl, and every step once, though the run was killed in the middle of an epoch of
// both stages.
func TestEvents(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	crashAfter(t, trial(t, dir), 9)
	crashAfter(t, trial(t, dir), 10)
	o := trial(t, dir)
	mustRun(t, o)
	records, err := ReadMetrics(o.Dir.Metrics())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		stage, dir string
		tags       []string
	}{
		{Base, filepath.Join(o.Dir.TensorBoard(), "base"), []string{"lr/encoder", "lr/head", "miou_with_background_val"}},
		{Meta, o.Dir.TensorBoard(), []string{"FBIoU_train", "FBIoU_val", "FBIoU_val_m", "episodes/0", "episodes/1", "episodes/2", "episodes/3",
			"loss_train_aux1", "loss_train_aux2", "loss_train_main", "lr/heads", "lr/transformer", "mIoU_val_b", "mIoU_val_m"}},
	} {
		events := readEvents(t, s.dir)
		want := append(s.tags, "_hparams_/session_start_info", "_hparams_/session_end_info", "gradient_norm", "images_per_second", "loss_train", "loss_val",
			"mIoU_val", "peak_memory_MiB")
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(events)); !slices.Equal(got, want) {
			t.Errorf("%s: tags %q, want %q", s.stage, got, want)
		}
		for tag, points := range events {
			for i, p := range points[1:] {
				if p.step <= points[i].step {
					t.Errorf("%s: %s has step %d after step %d", s.stage, tag, p.step, points[i].step)
				}
			}
		}
		losses, scores := map[int]float64{}, map[int]float64{}
		for _, r := range records {
			switch {
			case r.Stage != s.stage:
			case r.Kind == kindStep:
				losses[r.Step] = r.Losses[total]
			default:
				scores[r.Step] = r.Scores["miou"]
			}
		}
		for tag, want := range map[string]map[int]float64{"loss_train": losses, "mIoU_val": scores} {
			if len(events[tag]) != len(want) {
				t.Errorf("%s: %d points of %s, want %d", s.stage, len(events[tag]), tag, len(want))
			}
			for _, p := range events[tag] {
				if p.value != float64(float32(want[p.step])) {
					t.Errorf("%s: %s at step %d is %g, want %g", s.stage, tag, p.step, p.value, want[p.step])
				}
			}
		}
		if v := events["loss_val"][1].value; !(v > 0 && v < 10) {
			t.Errorf("%s: loss_val %g", s.stage, v)
		}
		if v := events["gradient_norm"][0].value; !(v > 0) {
			t.Errorf("%s: gradient norm %g", s.stage, v)
		}
	}
	tensorBoardReads(t, o.Dir.TensorBoard(), len(readEvents(t, o.Dir.TensorBoard())["loss_train"]))
}

// tensorBoardReads: TensorBoard itself reads the folder of stage meta, where Python has it.
func tensorBoardReads(t *testing.T, dir string, steps int) {
	t.Helper()
	python := os.Getenv("HDMNET_TEST_PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import tensorboard, PIL").CombinedOutput(); err != nil {
		if os.Getenv("HDMNET_TEST_PYTHON") != "" {
			t.Errorf("HDMNET_TEST_PYTHON=%s: %v: %s", python, err, out)
		}
		t.Log("no Python with tensorboard and pillow: not read by TensorBoard itself; name one in HDMNET_TEST_PYTHON")
		return
	}
	out, err := exec.Command(python, "../tensorboard/testdata/read_events.py", dir).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	var got struct {
		Scalars  map[string][][2]float64
		Pictures map[string][][3]int
		Settings map[string]any
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for tag, points := range readEvents(t, dir) {
		switch {
		case tag[0] == '_':
		case tag[0] == 'e':
			if p := got.Pictures[tag]; len(p) != len(points) || p[0] != [3]int{points[0].step, 4*33 + 3*4, 33} {
				t.Errorf("pictures of %s: %v", tag, p)
			}
		case len(got.Scalars[tag]) != len(points):
			t.Errorf("%s: %d points, want %d", tag, len(got.Scalars[tag]), len(points))
		default:
			for i, p := range points {
				if got.Scalars[tag][i] != [2]float64{float64(p.step), p.value} {
					t.Errorf("%s: %v, want %v", tag, got.Scalars[tag][i], p)
				}
			}
		}
	}
	if n := len(got.Scalars["loss_train"]); n != steps {
		t.Errorf("%d steps, want %d", n, steps)
	}
	if s := got.Settings; s["train.meta.lr"] != 1e-3 && s["train.meta.lr"] != 1e-4 || s["model.backbone"] != "tiny" || s["train.meta.dropout"] != true || s["status"] != 1.0 {
		t.Errorf("settings %v", s)
	}
}

// TestWithoutEvents: they can be turned off, also in the middle of a run, and change nothing.
func TestWithoutEvents(t *testing.T) {
	set := []string{"train.stage=base", "train.base.epochs=1"}
	with := trial(t, "", set...)
	mustRun(t, with)
	dir := filepath.Join(t.TempDir(), "run")
	interrupt(t, trial(t, dir, append(set, "train.tensorboard=false")...), 2)
	if _, err := os.Stat(filepath.Join(dir, "tensorboard")); err == nil {
		t.Error("there is a folder of events")
	}
	without := trial(t, dir, append(set, "train.tensorboard=true")...)
	mustRun(t, without)
	if string(read(t, with.Dir.Base())) != string(read(t, without.Dir.Base())) {
		t.Error("the weights differ")
	}
	if p := readEvents(t, filepath.Join(dir, "tensorboard", "base"))["loss_train"]; p[0].step != 3 {
		t.Errorf("the first event is of step %s, want 3", strconv.Itoa(p[0].step))
	}
}
