// Package match says which questions a rule is about: who asks, on which topic,
// with which tools, in which words. It decides nothing: what follows from a match
// is the affair of whoever has the rule.
//
// In TOML, all keys that a rule has must match; of a list, one entry is enough:
//
//	client = ["iot"]                   # "api", "iot", or a pattern such as "i*"
//	topic  = ["cusp/+/about/health/#"]   # MQTT topic filters
//	tool   = ["get_health_*"]          # patterns
//	words  = ["diagnosis", "诊断"]      # whole words, in any case
//	regex  = ['(?i)\bproject falcon\b'] # RE2
package match

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Rule is a matcher as it is written.
type Rule struct {
	Client []string `toml:"client"`
	Topic  []string `toml:"topic"`
	Tool   []string `toml:"tool"`
	Words  []string `toml:"words"`
	Regex  []string `toml:"regex"`
}

// Subject is what rules look at. Texts are all texts of a conversation, its
// history and the results of tools among them.
type Subject struct {
	Client string   // who asks
	Topic  string   // MQTT topic that the question came on; empty: none
	Tools  []string // that were called
	Texts  []string
}

// Matcher is a compiled [Rule]. Safe for concurrent use.
type Matcher struct {
	rule  Rule
	words *words
	regex []*regexp.Regexp
}

// maxPattern bounds one entry of a list, and maxEntries a list.
const (
	maxPattern = 1024
	maxEntries = 1024
)

// New compiles a rule. A rule that matches everything or a pattern that cannot be
// read is an error that names the key.
func New(r Rule) (*Matcher, error) {
	m := &Matcher{rule: r, words: newWords(r.Words)}
	errs := []error{checkLists(r), checkPatterns("client", r.Client), checkPatterns("tool", r.Tool)}
	for _, filter := range r.Topic {
		errs = append(errs, checkFilter(filter))
	}
	for _, pattern := range r.Regex {
		re, err := regexp.Compile(pattern)
		if err != nil {
			err = fmt.Errorf("regex: %w", err)
		} else if re.MatchString("") {
			err = fmt.Errorf("regex: %q matches every text", pattern)
		}
		m.regex, errs = append(m.regex, re), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m, nil
}

func checkLists(r Rule) error {
	total := 0
	for key, list := range map[string][]string{"client": r.Client, "topic": r.Topic, "tool": r.Tool, "words": r.Words, "regex": r.Regex} {
		total += len(list)
		if len(list) > maxEntries {
			return fmt.Errorf("%s: %d entries; at most %d are taken", key, len(list), maxEntries)
		}
		for _, s := range list {
			if strings.TrimSpace(s) == "" || len(s) > maxPattern {
				return fmt.Errorf("%s: an entry has %d bytes; write 1 to %d", key, len(s), maxPattern)
			}
		}
	}
	if total == 0 {
		return errors.New("the rule says nothing; give it client, topic, tool, words or regex")
	}
	return nil
}

func checkPatterns(key string, patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("%s: %q is no pattern: %w", key, p, err)
		}
	}
	return nil
}

// Match reports whether the rule is about s.
func (m *Matcher) Match(s Subject) bool {
	return (len(m.rule.Client) == 0 || oneOf(m.rule.Client, s.Client)) &&
		(len(m.rule.Topic) == 0 || s.Topic != "" && onTopic(m.rule.Topic, s.Topic)) &&
		(len(m.rule.Tool) == 0 || anyOf(m.rule.Tool, s.Tools)) &&
		m.matchTexts(s.Texts)
}

// matchTexts wants a word and an expression somewhere, if the rule has any.
func (m *Matcher) matchTexts(texts []string) bool {
	word, expression := m.words.empty(), len(m.regex) == 0
	if word && expression {
		return true
	}
	for _, t := range texts {
		folded := Fold(t).Text
		word = word || m.words.in(folded)
		expression = expression || m.expression(folded)
		if word && expression {
			return true
		}
	}
	return false
}

func (m *Matcher) expression(text string) bool {
	for _, re := range m.regex {
		if re.MatchString(text) {
			return true
		}
	}
	return false
}

// oneOf matches a name with shell patterns, in which * does not cross a slash.
func oneOf(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

func anyOf(patterns, names []string) bool {
	for _, n := range names {
		if oneOf(patterns, n) {
			return true
		}
	}
	return false
}
