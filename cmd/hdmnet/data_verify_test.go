package main

import (
	"fmt"
	"hdmnet/internal/cli/ui"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pairs writes a data root of n pictures; picture i shows class i%classes + 1 in half of it.
func pairs(t *testing.T, root, list string, n, classes int) {
	t.Helper()
	var lines strings.Builder
	for i := range n {
		name := fmt.Sprintf("p%02d", i)
		photo(t, filepath.Join(root, "i", name+".jpg"), 70, 64)
		classMask(t, filepath.Join(root, "m", name+".png"), 70, 64, uint8(i%classes+1))
		fmt.Fprintf(&lines, "i/%s.jpg m/%s.png\n", name, name)
	}
	write(t, filepath.Join(root, list), []byte(lines.String()))
}

func TestDataVerify(t *testing.T) {
	root := t.TempDir()
	pairs(t, root, "list.txt", 40, 20)
	args := []string{"data", "verify", "--config", "pascal5i_resnet50", "--data-root", root, "--list", "list.txt", "--set", "dataset.min_area=64"}
	out, errs, code := hdmnet(t, args...)
	if code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	for _, want := range []string{"40 pairs, all whole", "train, novel kept  30      30", "train, filtered    30      30", "val                10      10",
		"16     pottedplant  2 ", "val list, pairs", "1449       40", "note: one list is for training", "at least 2048 pixels, here it is 64"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report should say %q:\n%s", want, out)
		}
	}
	out, _, code = hdmnet(t, append(args, "--json", "--fold", "2", "--workers", "3")...)
	v := decode(t, out)
	folds := v["folds"].([]any)
	if code != 0 || len(folds) != 1 || folds[0].(map[string]any)["val"].(map[string]any)["pairs"] != 10.0 || v["dataset"] != "pascal5i" || v["data_root"] != root {
		t.Errorf("fold 2 as JSON: code %d\n%s", code, out)
	}

	classMask(t, filepath.Join(root, "m", "p03.png"), 64, 70, 1)
	classMask(t, filepath.Join(root, "m", "p05.png"), 70, 64, 21)
	if err := os.Remove(filepath.Join(root, "i", "p07.jpg")); err != nil {
		t.Fatal(err)
	}
	out, errs, code = hdmnet(t, append(args, "--show", "2")...)
	if code != ui.ExitError || errs != "hdmnet: 3 pairs are broken; see the list of problems\n" {
		t.Errorf("broken files: code %d, %q", code, errs)
	}
	for _, want := range []string{"40 pairs, 3 broken", "line 4: ", "line 6: ", "value 21", "… and 1 more", "subtract 1"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report should say %q:\n%s", want, out)
		}
	}
	if strings.Count(out, "\nproblems of ") != 1 {
		t.Errorf("one list has its problems twice:\n%s", out)
	}
	out, _, code = hdmnet(t, append(args, "--json")...)
	if v := decode(t, out); code != ui.ExitError || v["train"].(map[string]any)["broken"] != 3.0 || len(v["train"].(map[string]any)["problems"].([]any)) != 3 {
		t.Errorf("broken files as JSON: code %d\n%s", code, out)
	}
}

// TestDataVerifyCustom: a set of two lists, one of which the user may not have.
func TestDataVerifyCustom(t *testing.T) {
	root := t.TempDir()
	pairs(t, root, "train.txt", 9, 3)
	write(t, filepath.Join(root, "classes.txt"), []byte("cat\ndog\nbird\n"))
	base := []string{"data", "verify", "--config", "custom_resnet50", "--data-root", root, "--set", "dataset.folds=3", "--set", "dataset.min_area=64"}
	out, errs, code := hdmnet(t, append(base, "--set", "dataset.val_list=")...)
	if code != 0 || !strings.Contains(out, "val    no list") || !strings.Contains(out, "3      bird") || strings.Contains(out, "published") {
		t.Errorf("train list alone: code %d\n%s%s", code, out, errs)
	}
	fails(t, ui.ExitError, base, "val.txt", "data root", "dataset.val_list")
	write(t, filepath.Join(root, "val.txt"), []byte("i/p00.jpg m/p00.png\n"))
	out, errs, code = hdmnet(t, base...)
	if code != 0 || !strings.Contains(out, "in both lists: 1") || !strings.Contains(out, "fold 1, val: 1-shot episodes need 2 images of a class, but dog has 0") {
		t.Errorf("both lists: code %d\n%s%s", code, out, errs)
	}
}

func TestDataVerifyRefuses(t *testing.T) {
	verify := func(args ...string) []string {
		return append([]string{"data", "verify", "--config", "pascal5i_resnet50"}, args...)
	}
	list := write(t, filepath.Join(t.TempDir(), "list.txt"), []byte("a b c\n"))
	fails(t, ui.ExitUsage, []string{"data", "verify"}, "shapes5i", "--config")
	fails(t, ui.ExitUsage, verify(), "--list")
	fails(t, ui.ExitUsage, verify("--list", list, "--fold", "4"), "fold 4")
	fails(t, ui.ExitUsage, verify("--list", list, "--fold", "x"), `"x"`, "all")
	fails(t, ui.ExitUsage, verify("--list", list, "--workers", "-2"), "--workers -2")
	fails(t, ui.ExitUsage, verify("--list", list, "--show", "-2"), "--show -2")
	fails(t, ui.ExitError, verify("--list", list), "list.txt:1")
	fails(t, ui.ExitUsage, verify("--list", list, "--val-list", list), "--val-list")
	fails(t, ui.ExitError, verify("--list", list+"x"), "list.txtx", "data root")
}
