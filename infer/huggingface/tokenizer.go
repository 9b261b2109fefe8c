package huggingface

func (p *plan) tokenizer() error { return nil }
