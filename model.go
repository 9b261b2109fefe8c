package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
	"github.com/a472be26/cusp/infer/tokenizer"
	"github.com/a472be26/cusp/packaging/bundle"
)

type modelCmd struct {
	Inspect  inspectCmd  `cmd:"" help:"Show the metadata and tensors of a GGUF file."`
	Convert  convertCmd  `cmd:"" help:"Write a GGUF file again with its weights in other types."`
	Tokenize tokenizeCmd `cmd:"" help:"Turn text on standard input into a JSON array of token ids."`
	Render   renderCmd   `cmd:"" help:"Print the prompt that the model's chat template makes of messages."`
	Verify   verifyCmd   `cmd:"" help:"Check the signature and every file of a model bundle."`
	Install  installCmd  `cmd:"" help:"Copy a bundle into the models directory and make it current; a running daemon loads it."`
	Rollback rollbackCmd `cmd:"" help:"Make the version current that served before the present one."`
}

type inspectCmd struct {
	File string `arg:"" type:"path" help:"GGUF file."`
	JSON bool   `help:"Print JSON."`
}

func (c inspectCmd) Run(s streams) error {
	f, err := gguf.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	if c.JSON {
		return writeJSON(s.out, inspection(f))
	}
	fmt.Fprintf(s.out, "%s: GGUF v%d, %d bytes, %d metadata keys, %d tensors (%s)\n\n", c.File, f.Version(), f.Size(), len(f.Keys()), len(f.Tensors()), typesOf(f))
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		fmt.Fprintf(s.out, "  %-44s %s\n", printable(key), short(v))
	}
	fmt.Fprintln(s.out)
	for _, t := range f.Tensors() {
		fmt.Fprintf(s.out, "  %-32s %-7s %-18s %d bytes\n", printable(t.Name), t.Type, shape(t.Dims), len(t.Data))
	}
	return nil
}

// typesOf counts the tensors of each type, those of the most bytes first.
func typesOf(f *gguf.File) string {
	tensors, bytes := map[quant.Type]int{}, map[quant.Type]int{}
	for _, t := range f.Tensors() {
		tensors[t.Type]++
		bytes[t.Type] += len(t.Data)
	}
	types := slices.Sorted(maps.Keys(tensors))
	slices.SortStableFunc(types, func(a, b quant.Type) int { return cmp.Compare(bytes[b], bytes[a]) })
	var counts []string
	for _, t := range types {
		counts = append(counts, fmt.Sprintf("%d %s", tensors[t], t))
	}
	return strings.Join(counts, ", ")
}

// inspection is the file as plain values; dimensions are in GGUF's order,
// fastest first.
func inspection(f *gguf.File) map[string]any {
	meta := map[string]any{}
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		meta[key] = jsonable(v)
	}
	tensors := []map[string]any{}
	for _, t := range f.Tensors() {
		tensors = append(tensors, map[string]any{"name": t.Name, "type": t.Type.String(), "dims": t.Dims, "bytes": len(t.Data)})
	}
	return map[string]any{"file": f.Name(), "version": f.Version(), "bytes": f.Size(), "metadata": meta, "tensors": tensors}
}

// jsonable writes floats that JSON has no number for as text.
func jsonable(v any) any {
	if _, err := json.Marshal(v); err != nil {
		return fmt.Sprint(v)
	}
	return v
}

// short renders a metadata value in one line; of a long array, its length and start.
func short(v any) string {
	const most = 60
	text := printable(strings.ReplaceAll(fmt.Sprintf("%v", v), "\n", "\\n"))
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + fmt.Sprintf("… (%T, %d characters)", v, len(r))
	}
	return text
}

// printable keeps a file from sending control sequences to the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, text)
}

func shape(dims []int) string {
	return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(dims), "[]")), " x ")
}

type tokenizeCmd struct {
	File    string `arg:"" type:"path" help:"GGUF file; its metadata hold the vocabulary."`
	Special bool   `help:"Add BOS and EOS as the vocabulary says, and parse special tokens in the text."`
}

func (c tokenizeCmd) Run(s streams) error {
	f, err := gguf.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	t, err := tokenizer.Load(f)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(s.in)
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	ids := t.Encode(string(text), c.Special)
	_, err = fmt.Fprintln(s.out, strings.ReplaceAll(fmt.Sprint(ids), " ", ", "))
	return err
}

type verifyCmd struct {
	Bundle        string   `arg:"" type:"path" help:"Directory of the bundle."`
	Trust         []string `type:"existingfile" help:"Minisign public key files to trust; the project's own key is always trusted."`
	AllowUnsigned bool     `help:"Accept a bundle without a trusted signature; its hashes must hold all the same."`
	JSON          bool     `help:"Print JSON."`
}

func (c verifyCmd) Run(s streams) error {
	trust, err := trustedKeys(c.Trust)
	if err != nil {
		return err
	}
	b, err := bundle.Policy{Trust: trust, AllowUnsigned: c.AllowUnsigned}.Verify(c.Bundle)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(s.out, map[string]any{"name": b.Manifest.Name, "version": b.Manifest.Version, "hash": b.Hash,
			"signed": b.Signed, "signer": b.Signer, "files": b.Manifest.Files})
	}
	signature := "signed by key " + b.Signer
	if !b.Signed {
		signature = "NOT signed by a trusted key"
	}
	fmt.Fprintf(s.out, "%s %s: ok, %s, bundle %s\n", b.Manifest.Name, b.Manifest.Version, signature, b.Hash)
	for _, name := range slices.Sorted(maps.Keys(b.Manifest.Files)) {
		fmt.Fprintf(s.out, "  %-18s sha256 %s\n", name, b.Manifest.Files[name])
	}
	return nil
}
