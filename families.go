package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/a472be26/cusp/infer/huggingface"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/model"
)

// familiesCmd prints the tables that the code uses, as the README shows them.
type familiesCmd struct{}

func (familiesCmd) Run(s streams) error {
	_, err := io.WriteString(s.out, familiesTable())
	return err
}

func familiesTable() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| models | architecture in GGUF | classes of Hugging Face folders |\n|---|---|---|\n")
	for _, f := range model.Families() {
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", f.Models, f.Architecture, strings.Join(huggingface.Classes(f.Architecture), ", "))
	}
	var types []string
	for _, t := range kernel.Types() {
		types = append(types, t.String())
	}
	fmt.Fprintf(&b, "\nWeights: %s. GGUF 2 and 3 in one file or several, safetensors in one file or several.\n", strings.Join(types, ", "))
	return b.String()
}
