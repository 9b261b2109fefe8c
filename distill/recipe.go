package distill

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/distill/train"
	"github.com/a472be26/cusp/infer/quant"
)

// Recipe says everything that decides what a run makes, apart from the data
// directory. It is a TOML file; recipes/*.toml are ours, with comments.
type Recipe struct {
	Name    string `toml:"name"`    // of the model, e.g. cusp-student
	Version string `toml:"version"` // of the bundle, e.g. 1.0.0
	Seed    uint64 `toml:"seed"`    // of everything random

	Data      DataRecipe      `toml:"data"`
	Vocab     VocabRecipe     `toml:"vocab"`
	Teacher   TeacherRecipe   `toml:"teacher"`
	Model     ModelRecipe     `toml:"model"`
	Train     TrainRecipe     `toml:"train"`
	Calibrate CalibrateRecipe `toml:"calibrate"`
	Gate      GateRecipe      `toml:"gate"`
}

// DataRecipe says how many examples of each kind to make; see dataset.Options.
type DataRecipe struct {
	OursEnglish    int `toml:"ours_en"`
	OursChinese    int `toml:"ours_zh"`
	HassEnglish    int `toml:"hass_en"`
	HassChinese    int `toml:"hass_zh"`
	DeclineEnglish int `toml:"decline_en"`
	DeclineChinese int `toml:"decline_zh"`
	Floor          int `toml:"floor"`
	Calibration    int `toml:"calibration"`
}

// VocabRecipe shapes the vocabulary; a student takes its teacher's instead.
type VocabRecipe struct {
	Size       int `toml:"size"`
	SpaceWords int `toml:"space_words"`
	MinCount   int `toml:"min_count"`
}

// TeacherRecipe names the teacher; with neither bundle nor recipe the model
// learns from the data alone.
type TeacherRecipe struct {
	Bundle      string  `toml:"bundle"`      // a bundle's folder, or "builtin:teacher"
	Recipe      string  `toml:"recipe"`      // of a teacher to train first, beside this file
	TopK        int     `toml:"top_k"`       // candidates kept at each position
	Weight      float64 `toml:"weight"`      // share of the teacher in the loss
	Temperature float64 `toml:"temperature"` // of both distributions
	// Endpoint is the base URL of an OpenAI-compatible server that answers
	// recorded questions which have no answer yet; its key is read from the
	// environment variable OPENAI_API_KEY.
	Endpoint      string `toml:"endpoint"`
	EndpointModel string `toml:"endpoint_model"`
}

// ModelRecipe is the shape of the model, or what to go on from.
type ModelRecipe struct {
	Start     string  `toml:"start"` // a bundle's folder, "builtin:teacher" or "builtin:student"; its shape and vocabulary are taken
	Dim       int     `toml:"dim"`
	Layers    int     `toml:"layers"`
	Heads     int     `toml:"heads"`
	KVHeads   int     `toml:"kv_heads"`
	FFN       int     `toml:"ffn"`
	Context   int     `toml:"context"`
	RopeTheta float64 `toml:"rope_theta"`
	NormEps   float64 `toml:"norm_eps"`
}

// TrainRecipe are the settings of the optimizer; see train.Options.
type TrainRecipe struct {
	Steps           int     `toml:"steps"`
	BatchTokens     int     `toml:"batch_tokens"`
	LR              float64 `toml:"lr"`
	MinLR           float64 `toml:"min_lr"`
	WarmupSteps     int     `toml:"warmup_steps"`
	WeightDecay     float64 `toml:"weight_decay"`
	EMA             float64 `toml:"ema"`
	Dropout         float64 `toml:"dropout"`
	Smoothing       float64 `toml:"smoothing"`
	PromptWeight    float64 `toml:"prompt_weight"`
	CheckpointEvery int     `toml:"checkpoint_every"`
	ValidEvery      int     `toml:"valid_every"`
}

// CalibrateRecipe is the promise: of the answers given locally at most Alpha
// are wrong, with confidence 1 - Delta.
type CalibrateRecipe struct {
	Alpha float64 `toml:"alpha"`
	Delta float64 `toml:"delta"`
}

// ReadRecipe reads and checks a recipe file. An unknown key is an error that
// names its line.
func ReadRecipe(file string) (Recipe, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Recipe{}, fmt.Errorf("recipe: %w", err)
	}
	r := Recipe{Version: "0.0.0"}
	meta, err := toml.Decode(string(text), &r)
	if err != nil {
		return Recipe{}, fmt.Errorf("recipe %s: %w", file, err)
	}
	var unknown []error
	for _, key := range meta.Undecoded() {
		unknown = append(unknown, fmt.Errorf("recipe %s:%d: unknown key %s", file, keyLine(string(text), key), key))
	}
	if len(unknown) > 0 {
		return Recipe{}, errors.Join(unknown...)
	}
	if r.Teacher.Recipe != "" {
		r.Teacher.Recipe = filepath.Join(filepath.Dir(file), r.Teacher.Recipe)
	}
	if err := r.check(); err != nil {
		return Recipe{}, fmt.Errorf("recipe %s: %w", file, err)
	}
	return r, nil
}

// keyLine finds the line of a key: after its table's header, the first line
// that sets it. 0 when it is written in some other way.
func keyLine(text string, key toml.Key) int {
	table, name := strings.Join(key[:len(key)-1], "."), key[len(key)-1]
	in := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			in = strings.TrimSpace(strings.Trim(line, "[] "))
			if in == strings.Join(key, ".") {
				return i + 1
			}
		}
		if left, _, ok := strings.Cut(line, "="); ok && in == table && strings.TrimSpace(left) == name {
			return i + 1
		}
	}
	return 0
}

func (r Recipe) check() error {
	switch {
	case r.Name == "":
		return errors.New("name is missing")
	case r.Teacher.Bundle != "" && r.Teacher.Recipe != "":
		return errors.New("teacher has both bundle and recipe; one is enough")
	case r.hasTeacher() && r.Teacher.TopK < 1:
		return errors.New("teacher.top_k must be at least 1")
	case r.Model.Dim%quant.Q8Block != 0 || r.Model.FFN%quant.Q8Block != 0:
		return fmt.Errorf("model.dim %d and model.ffn %d must be multiples of %d, the block of INT8 weights", r.Model.Dim, r.Model.FFN, quant.Q8Block)
	case r.Model.Start != "":
		return r.options().Validate()
	case !r.hasTeacher() && r.Vocab.Size < 1:
		return errors.New("vocab.size is missing")
	}
	if err := r.shape(max(r.Vocab.Size, 1)).Validate(); err != nil {
		return err
	}
	return r.options().Validate()
}

func (r Recipe) hasTeacher() bool { return r.Teacher.Bundle != "" || r.Teacher.Recipe != "" }

func (r Recipe) dataset() dataset.Options {
	d := r.Data
	return dataset.Options{Seed: r.Seed, OursEnglish: d.OursEnglish, OursChinese: d.OursChinese, HassEnglish: d.HassEnglish,
		HassChinese: d.HassChinese, DeclineEnglish: d.DeclineEnglish, DeclineChinese: d.DeclineChinese, Floor: d.Floor, Calibration: d.Calibration}
}

func (r Recipe) shape(vocab int) train.Config {
	m := r.Model
	return train.Config{Vocab: vocab, Dim: m.Dim, Layers: m.Layers, Heads: m.Heads, KVHeads: m.KVHeads, FFN: m.FFN, Context: m.Context,
		RopeTheta: float32(m.RopeTheta), NormEps: float32(m.NormEps), Tied: true}
}

func (r Recipe) options() train.Options {
	t, o := r.Train, train.Defaults()
	o.Steps, o.BatchTokens, o.LR, o.MinLR, o.WarmupSteps = t.Steps, t.BatchTokens, t.LR, t.MinLR, t.WarmupSteps
	o.WeightDecay, o.EMA, o.Dropout, o.Smoothing = t.WeightDecay, t.EMA, t.Dropout, t.Smoothing
	o.CheckpointEvery, o.ValidEvery, o.Seed = t.CheckpointEvery, t.ValidEvery, r.Seed
	o.KLWeight = 0
	if r.hasTeacher() {
		o.KLWeight, o.Temperature = r.Teacher.Weight, r.Teacher.Temperature
	}
	return o
}
