package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/tokenizer"
	"github.com/a472be26/cusp/packaging/bundle"
)

type modelCmd struct {
	Inspect  inspectCmd  `cmd:"" help:"Show what a model file, folder or bundle holds."`
	Convert  convertCmd  `cmd:"" help:"Write a model as a GGUF file with its weights in the type you choose."`
	Families familiesCmd `cmd:"" help:"List what can run: architectures, the models that have them, types of weights."`
	Tokenize tokenizeCmd `cmd:"" help:"Turn text on standard input into a JSON array of token ids."`
	Render   renderCmd   `cmd:"" help:"Print the prompt that the model's chat template makes of messages."`
	Verify   verifyCmd   `cmd:"" help:"Check the signature and every file of a model bundle."`
	Install  installCmd  `cmd:"" help:"Copy a bundle into the models directory and make it current; a running daemon loads it."`
	Rollback rollbackCmd `cmd:"" help:"Make the version current that served before the present one."`
}

type tokenizeCmd struct {
	File    string `arg:"" type:"path" help:"GGUF file, or folder as transformers saves it."`
	Special bool   `help:"Add BOS and EOS as the vocabulary says, and parse special tokens in the text."`
}

func (c tokenizeCmd) Run(s streams) error {
	f, err := modelfile.Open(c.File)
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
	policy, end := hashing(s.err, bundle.Policy{Trust: trust, AllowUnsigned: c.AllowUnsigned}, c.Bundle, 1)
	b, err := policy.Verify(c.Bundle)
	end()
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
