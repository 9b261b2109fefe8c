package distill

import (
	"bufio"
	"context"
	"encoding/gob"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/distill/teacher"
	"github.com/a472be26/cusp/distill/train"
)

// saveLessons keeps annotated lessons: the teacher is asked only once.
func saveLessons(file string, lessons train.Examples) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<20)
	err = gob.NewEncoder(w).Encode(lessons)
	if err == nil {
		err = w.Flush()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func loadLessons(file string) (train.Examples, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var lessons train.Examples
	if err := gob.NewDecoder(bufio.NewReaderSize(in, 1<<20)).Decode(&lessons); err != nil {
		return nil, fmt.Errorf("read %s: %w; remove it to ask the teacher again", file, err)
	}
	return lessons, nil
}

// askTimeout bounds one answer of the endpoint.
const askTimeout = 2 * time.Minute

// askEndpoint has a model in the cloud answer recorded questions.
func askEndpoint(ctx context.Context, t TeacherRecipe, questions []string, ui UI) ([]dataset.Example, error) {
	e := teacher.Endpoint{URL: t.Endpoint, Model: t.EndpointModel, Key: os.Getenv("OPENAI_API_KEY"), HTTP: &http.Client{Timeout: askTimeout}}
	b := ui.bar(len(questions), "questions")
	defer b.end()
	var out []dataset.Example
	for i, q := range questions {
		reply, err := e.Answer(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("recorded question %d of %d: %w", i+1, len(questions), err)
		}
		out = append(out, dataset.Example{Source: "records", Text: q, Reply: reply})
		b.at(i+1, "answers of the endpoint")
	}
	return out, nil
}
