package main

import (
	"os"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/huggingface"
	"github.com/a472be26/cusp/infer/model"
)

// The README says what the code can, neither more nor less.
func TestReadmeListsFamilies(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if table := familiesTable(); !strings.Contains(string(readme), table) {
		t.Errorf("the README lacks what `cusp model families` prints:\n%s", table)
	}
}

// A folder that can be read can be run.
func TestFoldersRun(t *testing.T) {
	runs := map[string]bool{}
	for _, f := range model.Families() {
		runs[f.Architecture] = true
		for _, class := range huggingface.Classes(f.Architecture) {
			runs[class] = true
		}
	}
	for _, class := range huggingface.Architectures() {
		if !runs[class] {
			t.Errorf("folders of %s can be read, but no architecture in infer/model runs them", class)
		}
	}
}
