package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/a472be26/cusp/router"
)

type routeExplainCmd struct {
	socketFlag
	Text    []string `arg:"" help:"The question."`
	Client  string   `default:"api" help:"Who would ask: api, api:USER or iot (${default})."`
	Topic   string   `help:"MQTT topic that it would come on, with --client iot." placeholder:"TOPIC"`
	Tools   []string `help:"Names of tools that the question would offer." placeholder:"NAME"`
	Private bool     `help:"As if its asker said that it must not leave the device."`
	JSON    bool     `help:"Print JSON."`
}

func (c routeExplainCmd) Run(ctx context.Context, s streams) error {
	client := c.client()
	defer client.Close()
	q, err := c.question()
	if err != nil {
		return err
	}
	end := spin(s.err, "asking the local model")
	e, err := client.Explain(ctx, q)
	end()
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(s.out, e)
	}
	_, err = io.WriteString(s.out, e.Text())
	return err
}

func (c routeExplainCmd) question() (router.Question, error) {
	q := router.Question{Messages: []router.Message{{Role: "user", Content: strings.Join(c.Text, " ")}}, Topic: c.Topic}
	q.Asker, q.User, _ = strings.Cut(c.Client, ":")
	if c.Private {
		q.Privacy = router.Private
	}
	if len(c.Tools) == 0 {
		return q, nil
	}
	var tools []map[string]any
	for _, name := range c.Tools {
		tools = append(tools, map[string]any{"type": "function", "function": map[string]any{"name": name}})
	}
	text, err := json.Marshal(tools)
	if err != nil {
		return q, fmt.Errorf("encode the tools: %w", err)
	}
	q.Options.Tools = text
	return q, nil
}
