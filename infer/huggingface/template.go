package huggingface

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const templateKey = "tokenizer.chat_template"

// maxTemplateBytes bounds a chat template.
const maxTemplateBytes = 4 << 20

// templates sets the chat templates: a model has one, or several with names.
func (p *plan) templates(config object) error {
	named, err := templatesOf(p.dir, config)
	if err != nil {
		return err
	}
	var others []string
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if name == "default" {
			p.general(templateKey, named[name])
			continue
		}
		p.general(templateKey+"."+name, named[name])
		others = append(others, name)
	}
	if len(others) > 0 {
		p.general("tokenizer.chat_templates", others)
	}
	return nil
}

// templatesOf reads the templates by name: from tokenizer_config.json, or else
// from the files that newer models have.
func templatesOf(dir string, config object) (map[string]string, error) {
	switch v := config.values["chat_template"].(type) {
	case nil:
		return templateFiles(dir)
	case string:
		return map[string]string{"default": v}, nil
	case []any:
		named := map[string]string{}
		for _, o := range config.objects("chat_template") {
			if name := o.text("", "name"); name != "" {
				named[keyPart(name)] = o.text("", "template")
			}
		}
		return named, *config.err
	default:
		return nil, fmt.Errorf("%s: chat_template is of type %T, neither a template nor a list of them", config.where, v)
	}
}

func templateFiles(dir string) (map[string]string, error) {
	named := map[string]string{}
	if exists(dir, "chat_template.jinja") {
		files, err := filepath.Glob(within(within(dir, "additional_chat_templates"), "*.jinja"))
		if err != nil {
			return nil, err
		}
		for _, path := range files {
			text, err := readSmall(path, maxTemplateBytes)
			if err != nil {
				return nil, err
			}
			named[keyPart(strings.TrimSuffix(filepath.Base(path), ".jinja"))] = string(text)
		}
		text, err := readSmall(within(dir, "chat_template.jinja"), maxTemplateBytes)
		named["default"] = string(text)
		return named, err
	}
	o, err := readObject(within(dir, "chat_template.json"), maxTemplateBytes)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if text := o.text("", "chat_template"); text != "" {
		named["default"] = text
	}
	if err == nil {
		err = *o.err
	}
	return named, err
}

// keyPart keeps the letters and digits of a name, as llama.cpp's conversion
// does.
func keyPart(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, name)
}
