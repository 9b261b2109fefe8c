package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/huggingface"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/safetensors"
	"github.com/a472be26/cusp/packaging/bundle"
)

type inspectCmd struct {
	File    string `arg:"" type:"path" help:"GGUF file (of several, any), safetensors file, folder as transformers saves it, or bundle."`
	Tensors bool   `help:"List the tensors too."`
	JSON    bool   `help:"Print JSON, with all metadata and tensors."`
}

func (c inspectCmd) Run(s streams) error {
	i, err := inspect(c.File)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(s.out, i)
	}
	i.print(s.out, c.Tensors)
	return nil
}

// inspection is what a file says about itself. Dimensions are in GGUF's order,
// the fastest-running first.
type inspection struct {
	File          string         `json:"file"`
	Format        string         `json:"format"`
	Bundle        string         `json:"bundle,omitempty"` // name and version; its signature is not looked at
	Bytes         int64          `json:"bytes"`
	Architecture  string         `json:"architecture,omitempty"`
	Supported     bool           `json:"supported"` // the architecture can run here
	Name          string         `json:"name,omitempty"`
	Parameters    int64          `json:"parameters"`
	BitsPerWeight float64        `json:"bits_per_weight"`
	Types         []typeShare    `json:"types"`
	Context       uint64         `json:"context,omitempty"` // tokens that the model was trained for
	Tokenizer     string         `json:"tokenizer,omitempty"`
	Pre           string         `json:"pre_tokenizer,omitempty"`
	Vocabulary    int            `json:"vocabulary,omitempty"` // tokens of the tokenizer
	Templates     []string       `json:"chat_templates,omitempty"`
	Metadata      map[string]any `json:"metadata"`
	Tensors       []tensorLine   `json:"tensors"`

	keys []string // of Metadata, in the order of the file
}

// typeShare is how much of the weights has a type.
type typeShare struct {
	Type    string `json:"type"`
	Tensors int    `json:"tensors"`
	Bytes   int64  `json:"bytes"`
}

type tensorLine struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Dims  []int  `json:"dims"`
	Bytes int    `json:"bytes"`
}

func inspect(path string) (*inspection, error) {
	if strings.HasSuffix(path, ".safetensors") {
		return inspectSafetensors(path)
	}
	source, err := modelfile.Read(path)
	if errors.Is(err, huggingface.ErrArchitecture) {
		return inspectRaw(path)
	}
	if err != nil {
		return nil, err
	}
	defer source.Close()
	i := &inspection{File: path, Format: formatOf(source)}
	i.readMeta(source.Meta())
	for _, t := range source.Tensors() {
		i.add(tensorLine{t.Name, t.Type.String(), t.Dims, t.Elements() / t.Type.BlockSize() * t.Type.BlockBytes()}, int64(t.Elements()))
	}
	if whole, ok := source.(modelfile.Whole); ok {
		i.Bytes = whole.Size()
	}
	i.Bundle = bundleOf(path)
	i.finish()
	return i, nil
}

// inspectSafetensors shows a file of weights alone.
func inspectSafetensors(path string) (*inspection, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	i := &inspection{File: path, Format: "safetensors, weights alone: give the folder with its config.json to see the model", Metadata: map[string]any{}}
	for key, text := range f.Metadata() {
		i.Metadata[key] = text
		i.keys = append(i.keys, key)
	}
	slices.Sort(i.keys)
	i.addArrays(f.Tensors())
	i.finish()
	return i, nil
}

// inspectRaw shows a folder that cannot become a GGUF file here: its
// configuration, and its tensors under their own names.
func inspectRaw(path string) (*inspection, error) {
	raw, err := huggingface.Raw(path)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	i := &inspection{File: path, Format: "Hugging Face folder, its keys and tensors under their own names", Architecture: raw.Class, Metadata: raw.Config}
	i.keys = slices.Sorted(maps.Keys(raw.Config))
	i.addArrays(raw.Tensors)
	i.finish()
	return i, nil
}

func (i *inspection) addArrays(arrays []safetensors.Tensor) {
	for _, t := range arrays {
		dims := slices.Clone(t.Shape)
		slices.Reverse(dims)
		i.add(tensorLine{t.Name, t.DType, dims, len(t.Data)}, elements(dims))
	}
}

// elements is a product that the reader has checked, but for a size of 0.
func elements(dims []int) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= int64(d)
	}
	return n
}

func formatOf(source modelfile.Source) string {
	whole, ok := source.(modelfile.Whole)
	if !ok {
		return "Hugging Face folder, shown as the GGUF file it becomes"
	}
	format := fmt.Sprintf("GGUF v%d", whole.Version())
	if n, err := whole.Uint("split.count"); err == nil && n > 1 {
		format += fmt.Sprintf(" in %d files", n)
	}
	return format
}

// bundleOf is the name and version of the bundle at path, if it is one.
func bundleOf(path string) string {
	var m struct{ Name, Version string }
	text, err := os.ReadFile(filepath.Join(path, bundle.ManifestFile))
	if err != nil || json.Unmarshal(text, &m) != nil {
		return ""
	}
	return strings.TrimSpace(m.Name + " " + m.Version)
}

func (i *inspection) readMeta(meta []gguf.KV) {
	i.Metadata = map[string]any{}
	for _, kv := range meta {
		i.keys = append(i.keys, kv.Key)
		i.Metadata[kv.Key] = jsonable(kv.Value)
	}
	text := func(key string) string { s, _ := i.Metadata[key].(string); return s }
	i.Architecture, i.Name = text("general.architecture"), text("general.name")
	i.Supported = slices.Contains(model.Architectures(), i.Architecture)
	i.Tokenizer, i.Pre = text("tokenizer.ggml.model"), text("tokenizer.ggml.pre")
	if v := reflect.ValueOf(i.Metadata["tokenizer.ggml.tokens"]); v.Kind() == reflect.Slice {
		i.Vocabulary = v.Len()
	}
	if v := reflect.ValueOf(i.Metadata[i.Architecture+".context_length"]); v.CanUint() {
		i.Context = v.Uint()
	}
	const template = "tokenizer.chat_template"
	for _, key := range i.keys {
		if name, ok := strings.CutPrefix(key, template); ok && (name == "" || name[0] == '.') {
			i.Templates = append(i.Templates, cmp.Or(strings.TrimPrefix(name, "."), "default"))
		}
	}
}

func (i *inspection) add(t tensorLine, weights int64) {
	i.Tensors = append(i.Tensors, t)
	i.Parameters += weights
	n := slices.IndexFunc(i.Types, func(s typeShare) bool { return s.Type == t.Type })
	if n < 0 {
		n = len(i.Types)
		i.Types = append(i.Types, typeShare{Type: t.Type})
	}
	i.Types[n].Tensors++
	i.Types[n].Bytes += int64(t.Bytes)
}

// finish sums up; types of the most bytes come first.
func (i *inspection) finish() {
	slices.SortStableFunc(i.Types, func(a, b typeShare) int { return cmp.Compare(b.Bytes, a.Bytes) })
	weights := int64(0)
	for _, s := range i.Types {
		weights += s.Bytes
	}
	i.BitsPerWeight = math.Round(100*bitsPerWeight(weights, i.Parameters)) / 100
	i.Bytes = max(i.Bytes, weights)
	if i.Tensors == nil {
		i.Tensors, i.Types = []tensorLine{}, []typeShare{}
	}
}

func (i *inspection) print(w io.Writer, tensors bool) {
	fmt.Fprintf(w, "%s: %s, %d bytes, %d metadata keys, %d tensors (%s)\n\n", i.File, i.Format, i.Bytes, len(i.keys), len(i.Tensors), i.counts())
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-16s %s\n", name, fmt.Sprintf(format, args...))
	}
	if i.Bundle != "" {
		line("bundle", "%s (not verified: cusp model verify)", printable(i.Bundle))
	}
	if i.Architecture != "" {
		line("architecture", "%s%s", printable(i.Architecture), i.runs())
	}
	line("parameters", "%d (%s)", i.Parameters, rounded(i.Parameters))
	line("bits per weight", "%.2f", i.BitsPerWeight)
	for _, s := range i.Types {
		line("", "%-8s %4d tensors, %d bytes", s.Type, s.Tensors, s.Bytes)
	}
	if i.Context > 0 {
		line("context", "%d tokens", i.Context)
	}
	line("tokenizer", "%s", i.tokenizer())
	line("chat template", "%s", printable(cmp.Or(strings.Join(i.Templates, ", "), "none")))
	i.printMeta(w)
	if !tensors {
		return
	}
	fmt.Fprintln(w)
	for _, t := range i.Tensors {
		fmt.Fprintf(w, "  %-32s %-7s %-18s %d bytes\n", printable(t.Name), t.Type, shape(t.Dims), t.Bytes)
	}
}

func (i *inspection) runs() string {
	if i.Supported {
		return ""
	}
	return fmt.Sprintf(", which cannot run here (supported: %s)", strings.Join(model.Architectures(), ", "))
}

func (i *inspection) counts() string {
	var counts []string
	for _, s := range i.Types {
		counts = append(counts, fmt.Sprintf("%d %s", s.Tensors, s.Type))
	}
	return strings.Join(counts, ", ")
}

func (i *inspection) tokenizer() string {
	if i.Tokenizer == "" {
		return "none"
	}
	return fmt.Sprintf("%s (%s), %d tokens", printable(i.Tokenizer), printable(cmp.Or(i.Pre, "default")), i.Vocabulary)
}

func (i *inspection) printMeta(w io.Writer) {
	fmt.Fprintln(w)
	for _, key := range i.keys {
		fmt.Fprintf(w, "  %-44s %s\n", printable(key), short(i.Metadata[key]))
	}
}

// rounded is a count of weights as models are named by it: 1.24B.
func rounded(n int64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "B"}, {1e6, "M"}, {1e3, "K"}} {
		if float64(n) >= unit.size {
			return fmt.Sprintf("%.3g%s", float64(n)/unit.size, unit.name)
		}
	}
	return fmt.Sprint(n)
}

// jsonable writes floats that JSON has no number for as text.
func jsonable(v any) any {
	if _, err := json.Marshal(v); err != nil {
		return fmt.Sprint(v)
	}
	return v
}

// short renders a metadata value in one line; of an array, its length and start.
func short(v any) string {
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice {
		const shown = 4
		parts := make([]string, min(list.Len(), shown))
		for i := range parts {
			parts[i] = clipped(fmt.Sprint(list.Index(i)), 20)
		}
		more := ""
		if list.Len() > shown {
			more = ", …"
		}
		return fmt.Sprintf("%d × %s [%s%s]", list.Len(), list.Type().Elem(), strings.Join(parts, ", "), more)
	}
	return clipped(fmt.Sprint(v), 60)
}

// clipped is the beginning of a text, in one line.
func clipped(text string, most int) string {
	head := []rune(text[:min(len(text), 4*most+4)])
	clip := printable(strings.ReplaceAll(string(head[:min(len(head), most)]), "\n", "\\n"))
	if len(head) > most {
		return fmt.Sprintf("%s… (%d characters)", clip, utf8.RuneCountInString(text))
	}
	return clip
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
