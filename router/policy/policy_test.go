package policy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/match"
)

// friday is a Friday.
func friday(hour, minute int) time.Time { return time.Date(2026, 11, 27, hour, minute, 0, 0, time.UTC) }

func ask(text string) router.Question {
	return router.Question{Asker: "api", Messages: []router.Message{{Role: "user", Content: text}}}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	private := ask("x")
	private.Privacy = router.Private
	tools := ask("x")
	tools.Options.Tools = json.RawMessage(`[{"type":"function","function":{"name":"search_web"}}]`)
	user := ask("x")
	user.User = "clinic-7"
	mqtt := ask("x")
	mqtt.Asker, mqtt.Topic = "iot", "cusp/d/ask/kitchen"
	history := ask("before")
	history.Messages = append(history.Messages, router.Message{Role: "assistant", Content: "ok"}, router.Message{Role: "user", Content: "now"})
	for name, c := range map[string]struct {
		rule Rule
		q    router.Question
		at   time.Time
		want string // what was missed
	}{
		"anything":          {Rule{}, ask("x"), friday(12, 0), ""},
		"client":            {Rule{Rule: match.Rule{Client: []string{"iot"}}}, mqtt, friday(12, 0), ""},
		"another client":    {Rule{Rule: match.Rule{Client: []string{"iot"}}}, ask("x"), friday(12, 0), "client"},
		"user":              {Rule{Rule: match.Rule{Client: []string{"api:clinic-*"}}}, user, friday(12, 0), ""},
		"topic":             {Rule{Rule: match.Rule{Topic: []string{"cusp/+/ask/kitchen"}}}, mqtt, friday(12, 0), ""},
		"tool on offer":     {Rule{Rule: match.Rule{Tool: []string{"search_*"}}}, tools, friday(12, 0), ""},
		"words":             {Rule{Rule: match.Rule{Words: []string{"now"}}}, history, friday(12, 0), ""},
		"words of before":   {Rule{Rule: match.Rule{Words: []string{"before"}}}, history, friday(12, 0), "words"},
		"regex":             {Rule{Rule: match.Rule{Regex: []string{`\d{4}`}}}, ask("room 1234"), friday(12, 0), ""},
		"longer":            {Rule{LongerThan: 3}, ask("four"), friday(12, 0), ""},
		"not longer":        {Rule{LongerThan: 4}, ask("four"), friday(12, 0), "longer_than"},
		"shorter in tokens": {Rule{ShorterThan: 3, Unit: "tokens"}, ask("fourfour"), friday(12, 0), ""},
		"tokens of Chinese": {Rule{ShorterThan: 3, Unit: "tokens"}, ask("打开客厅的灯"), friday(12, 0), "shorter_than"},
		"language":          {Rule{Language: []string{"zh", "ja"}}, ask("打开 kitchen 的灯"), friday(12, 0), ""},
		"another language":  {Rule{Language: []string{"zh"}}, ask("turn it on"), friday(12, 0), "language"},
		"private":           {Rule{Private: new(true)}, private, friday(12, 0), ""},
		"not private":       {Rule{Private: new(false)}, private, friday(12, 0), "private"},
		"hour":              {Rule{Hours: []string{"09:00-17:30"}}, ask("x"), friday(17, 29), ""},
		"end of the hour":   {Rule{Hours: []string{"09:00-17:30"}}, ask("x"), friday(17, 30), "hours"},
		"over midnight":     {Rule{Hours: []string{"22:00-06:00"}}, ask("x"), friday(2, 0), ""},
		"before midnight":   {Rule{Hours: []string{"22:00-24:00"}}, ask("x"), friday(23, 59), ""},
		"day":               {Rule{Days: []string{"mon-fri"}}, ask("x"), friday(2, 0), ""},
		"another day":       {Rule{Days: []string{"sat", "sun-tue"}}, ask("x"), friday(2, 0), "days"},
		"over the weekend":  {Rule{Days: []string{"fri-mon"}}, ask("x"), friday(2, 0).AddDate(0, 0, 2), ""},
	} {
		c.rule.Name = "r"
		p, err := New([]Rule{c.rule}, func() time.Time { return c.at })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tried := p.Trace(c.q)
		if len(tried) != 1 || tried[0].Missed != c.want || tried[0].Matched != (c.want == "") {
			t.Errorf("%s: %+v, want %q", name, tried, c.want)
		}
		if got := p.Effect(c.q).Rule == "r"; got != (c.want == "") {
			t.Errorf("%s: the effect differs from the trace", name)
		}
	}
}

func TestFirstMatchWins(t *testing.T) {
	t.Parallel()
	p, err := New([]Rule{
		{Name: "iot", Rule: match.Rule{Client: []string{"iot"}}, Route: "local"},
		{Name: "long", LongerThan: 3, Route: "cloud", Wait: time.Second, Budget: "exempt"},
		{Name: "all", First: "provisional", Early: new(false), Deadline: time.Minute},
	}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if e := p.Effect(ask("four")); e != (router.Effect{Rule: "long", Route: router.RouteCloud, Wait: time.Second, Exempt: true}) {
		t.Errorf("%+v", e)
	}
	if e := p.Effect(ask("x")); e.Rule != "all" || !e.First || e.Early == nil || *e.Early || e.Deadline != time.Minute {
		t.Errorf("%+v", e)
	}
	if tried := p.Trace(ask("four")); len(tried) != 2 || tried[0].Missed != "client" || !tried[1].Matched {
		t.Errorf("%+v", tried)
	}
	if err := p.Set([]Rule{{Name: "bad", Route: "moon"}}); err == nil || p.Effect(ask("x")).Rule != "all" {
		t.Errorf("a wrong rule replaced the right ones: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Rule{
		`name: "" has 0 bytes`:                    {},
		`route: "moon" is not allowed; write "lo`: {Name: "r", Route: "moon"},
		`route: "local" asks no cloud`:            {Name: "r", Route: "local", First: "provisional"},
		`route: "cloud" asks the local model`:     {Name: "r", Route: "cloud", Early: new(true)},
		`early: with first`:                       {Name: "r", First: "provisional", Early: new(true)},
		`first: "now" is not allowed`:             {Name: "r", First: "now"},
		`budget: "none" is not allowed`:           {Name: "r", Budget: "none"},
		`unit: "words" is not allowed`:            {Name: "r", Unit: "words"},
		`language: "en" is not allowed; write "z`: {Name: "r", Language: []string{"en"}},
		`hours: "25:00-26:00" is no time of day`:  {Name: "r", Hours: []string{"25:00-26:00"}},
		`hours: "10:00-10:00"`:                    {Name: "r", Hours: []string{"10:00-10:00"}},
		`days: "Monday" is no day`:                {Name: "r", Days: []string{"Monday"}},
		`wait: -1s is out of range`:               {Name: "r", Wait: -time.Second},
		`deadline: 1ns is out of range`:           {Name: "r", Deadline: 1},
		`longer_than: -1 is out of range`:         {Name: "r", LongerThan: -1},
		`shorter_than: nothing is longer than 5`:  {Name: "r", LongerThan: 5, ShorterThan: 6},
		`regex: error parsing`:                    {Name: "r", Rule: match.Rule{Regex: []string{"("}}},
		`topic: "a#" is no topic filter`:          {Name: "r", Rule: match.Rule{Topic: []string{"a#"}}},
	} {
		all := Check([]Rule{r})
		if len(all) != 1 || !strings.Contains(all[0].Error(), want) {
			t.Errorf("%+v: %v, want %q", r, all, want)
		}
	}
	if all := Check([]Rule{{Name: "a"}, {Name: "a"}}); len(all) != 1 || all[0].Index != 1 || all[0].Key != "name" {
		t.Errorf("two of one name: %v", all)
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                  "other",
		"123 !?":            "other",
		"turn on the light": "latin",
		"Bật đèn lên":       "latin",
		"打开客厅的灯":            "zh",
		"打开 the living room 里的灯和空调":            "zh",
		"リビングの電気をつけて":                          "ja",
		"東京都の天気を教えて":                           "ja",
		"불 켜 줘":                                "ko",
		"เปิดไฟ":                               "th",
		"включи свет":                          "cyrillic",
		"άναψε το φως":                         "greek",
		"أشعل الضوء":                           "arabic",
		"הדלק את האור":                         "hebrew",
		"बत्ती जलाओ":                           "devanagari",
		"ብርሃኑን አብራ":                            "other",
		"a long English text with 一 character": "latin",
	} {
		if got := Language(text); got != want {
			t.Errorf("Language(%q) = %s, want %s", text, got, want)
		}
	}
}

func FuzzTimes(f *testing.F) {
	for _, s := range []string{"22:00-06:00", "00:00-24:00", "mon-fri", "sun", "", "-", "24:00-00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := parseHours(text); err == nil && (s.from < 0 || s.from >= 24*60 || s.to < 0 || s.to > 24*60 || s.from == s.to) {
			t.Errorf("%q is %+v", text, s)
		}
		if set, err := parseDays(text); err == nil && set == [7]bool{} {
			t.Errorf("%q is no day at all", text)
		}
	})
}
