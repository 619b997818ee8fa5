// Demonet makes the small network that comes with hdmnet (package demo) from a run:
//
//	go run ./scripts/demonet -run DIR -out internal/demo/network.q8
package main

import (
	"flag"
	"fmt"
	"log"
	"os"

	"hdmnet/internal/demo"
	"hdmnet/internal/run"
)

func main() {
	log.SetFlags(0)
	from := flag.String("run", "", "folder of the run")
	out := flag.String("out", "", "file of the packed network")
	flag.Parse()
	if *from == "" || *out == "" || flag.NArg() > 0 {
		log.Fatal("demonet: expected -run DIR -out FILE")
	}
	if err := pack(*from, *out); err != nil {
		log.Fatal("demonet: ", err)
	}
}

func pack(from, out string) error {
	dir, err := run.Open(from)
	if err != nil {
		return err
	}
	if err := demo.Pack(dir.Best(), out); err != nil {
		return err
	}
	info, err := os.Stat(out)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%s: %d bytes\n", out, info.Size())
	return err
}
