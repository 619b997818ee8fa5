package tally

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	var all Tally
	if all.Err() != nil || all.LeftOut() != 0 {
		t.Error("an empty tally has errors")
	}
	for i := range 5 {
		one := Tally{Read: 3, Used: 1}
		one.Leave("no area", fmt.Sprint("shape ", i))
		if i%2 == 0 {
			one.Leave("no label", fmt.Sprint("shape ", i))
			one.Remark("odd", "x")
		}
		all.Add(&one)
	}
	var crowds Tally
	if crowds.Omit("crowds", "a"); crowds.LeftOut() != 1 || crowds.Err() != nil {
		t.Errorf("%+v, %v", crowds, crowds.Err())
	}
	var files Tally
	files.Drop("no picture", "a.json")
	if err := files.Err(); err == nil || !strings.Contains(err.Error(), "1 no picture, such as a.json") || files.LeftOut() != 0 {
		t.Errorf("%+v, %v", files, err)
	}
	files.LeaveAll("another size", "b.png", 4)
	if files.LeftOut() != 4 {
		t.Errorf("%+v", files)
	}
	want := Tally{Read: 15, Used: 5,
		Left:    []Reason{{Why: "no area", Count: 5, First: []string{"shape 0", "shape 1", "shape 2"}}, {Why: "no label", Count: 3, First: []string{"shape 0", "shape 2", "shape 4"}}},
		Remarks: []Reason{{Why: "odd", Count: 3, First: []string{"x", "x", "x"}}}}
	if !reflect.DeepEqual(all, want) {
		t.Errorf("got %+v", all)
	}
	if err := all.Err(); all.LeftOut() != 8 || err == nil || !strings.Contains(err.Error(), "--strict") || !strings.Contains(err.Error(), "5 no area, such as shape 0; shape 1; shape 2") {
		t.Errorf("%d, %v", all.LeftOut(), err)
	}
}
