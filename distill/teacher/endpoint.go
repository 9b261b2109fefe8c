package teacher

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Endpoint is an OpenAI-compatible server that answers recorded questions.
type Endpoint struct {
	URL   string // base, e.g. https://host/v1
	Model string
	Key   string // bearer token; empty: none. Never logged.
	HTTP  *http.Client
}

// maxReply bounds what is read of a response.
const maxReply = 1 << 20

// Answer asks for the answer to one question.
func (e Endpoint) Answer(ctx context.Context, question string) (string, error) {
	body, err := json.Marshal(map[string]any{
		"model":       e.Model,
		"temperature": 0,
		"messages":    []map[string]string{{"role": "user", "content": question}},
	})
	if err != nil {
		return "", err
	}
	url := strings.TrimSuffix(e.URL, "/") + "/chat/completions"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("teacher endpoint: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if e.Key != "" {
		req.Header.Set("Authorization", "Bearer "+e.Key)
	}
	resp, err := e.HTTP.Do(req)
	if err != nil {
		return "", fmt.Errorf("teacher endpoint: %w", err)
	}
	defer resp.Body.Close()
	return readCompletion(resp)
}

func readCompletion(resp *http.Response) (string, error) {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return "", fmt.Errorf("teacher endpoint: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("teacher endpoint: status %s: %.200s", resp.Status, data)
	}
	var completion struct {
		Choices []struct {
			Message struct{ Content string }
		}
	}
	if err := json.Unmarshal(data, &completion); err != nil {
		return "", fmt.Errorf("teacher endpoint: response: %w", err)
	}
	if len(completion.Choices) == 0 || strings.TrimSpace(completion.Choices[0].Message.Content) == "" {
		return "", fmt.Errorf("teacher endpoint: response has no answer")
	}
	return strings.TrimSpace(completion.Choices[0].Message.Content), nil
}
