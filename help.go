package main

// What --help and the manual pages say beyond the flags: how a command is used,
// by examples that can be typed, and where more is written. Lines that begin with
// two spaces are examples.

// Help is that of the program.
func (cli) Help() string {
	return `Try it without anything else: "cusp demo". On a device:

  cusp serve --print-config > cusp.toml    # every key, documented
  cusp serve --config cusp.toml
  cusp ask turn on the kitchen light
  cusp status                              # what it is doing
  cusp doctor                              # what is wrong, and what to do

More: "man cusp", "man cusp.toml", https://github.com/a472be26/cusp/tree/main/docs`
}

func (demoCmd) Help() string {
	return `It ends with status 0 only if all that it shows came true. Another large model
than the built-in one, and time to play:

  cusp demo --cloud-url http://127.0.0.1:8000/v1 --stay`
}

func (serveCmd) Help() string {
	return `Without a configuration the built-in student answers, and nothing leaves the device.

  cusp serve --print-config > cusp.toml    # set cloud.broker, iot.enable ...
  cusp serve --config cusp.toml
  cusp doctor --config cusp.toml           # before and after

The packaged service: systemctl status cusp; systemctl reload cusp reads the
configuration again. More: "man cusp.toml", docs/lifecycle.md.`
}

func (cloudCmd) Help() string {
	return `Devices ask through the broker; workers of one group share their questions.

  cusp cloud --broker tcp://127.0.0.1:1883              # the built-in teacher
  cusp cloud --broker ssl://mqtt.example.com:8883 --username worker --password-file pw \
      --url https://api.openai.com/v1 --model gpt-4o-mini

More: docs/architecture.md (topics), deploy/ (a unit, and access rules of a broker).`
}

func (askCmd) Help() string {
	return `The answer goes to standard output, its receipt to standard error.

  cusp ask turn on the kitchen light
  cusp ask --private --deadline 2s "is the door locked?"
  cusp ask --json 打开客厅的灯 | jq .cusp.route

"cusp why ID" explains an answer; the receipt has its id.`
}

func (whyCmd) Help() string {
	return `The receipt of an answer ends with its id:

  cusp why ID
  cusp why ID --json | jq .receipt`
}

func (statusCmd) Help() string {
	return `Examples:

  cusp status
  cusp status --watch                      # until Ctrl-C
  cusp status --wait 10s && cusp ask hello # after a start
  cusp status --json | jq .engine.tokens_per_second

What is wrong, and what to do about it, says "cusp doctor". More: docs/lifecycle.md, docs/metrics.md.`
}

func (doctorCmd) Help() string {
	return `Each check has a line: ok, warning or failure, and below those that are not ok what to do.
The exit status is 1 if there is a failure. Nothing is changed, no daemon needs to run, and
any user may ask; root sees more.

  cusp doctor
  sudo cusp doctor                         # the packaged service, with all of its files
  cusp doctor --json | jq -r '.findings[] | select(.state != "ok") | .remedy'

A broker is connected to with the configured user, as a client of its own. More: docs/operating.md.`
}

func (modelCmd) Help() string {
	return `Examples:

  cusp model inspect FOLDER                # what it is, and whether it runs here
  cusp model convert FOLDER small.gguf --type q4_k_m
  sudo cusp model install BUNDLE           # a running daemon loads it
  sudo cusp model rollback

More: docs/architectures.md, docs/lifecycle.md.`
}

func (inspectCmd) Help() string {
	return `Examples:

  cusp model inspect model.gguf --tensors
  cusp model inspect FOLDER --json | jq .architecture`
}

func (convertCmd) Help() string {
	return `A model in Q4_K_M takes about a fifth of the memory that it takes in F32.

  cusp model convert FOLDER small.gguf --type q4_k_m
  cusp model convert big.gguf exact.gguf --type q8_0`
}

func (tokenizeCmd) Help() string {
	return `Examples:

  echo -n "turn on the light" | cusp model tokenize model.gguf`
}

func (verifyCmd) Help() string {
	return `Examples:

  cusp model verify BUNDLE --trust maker.pub`
}

func (installCmd) Help() string {
	return `The bundle is verified, copied, verified again, and made current by one rename.

  sudo cusp model install out/tiny/bundle --trust /etc/cusp/keys/maker.pub
  cusp status                              # whether it serves, or why not`
}

func (rollbackCmd) Help() string {
	return `Examples:

  sudo cusp model rollback
  sudo cusp model rollback cusp-student`
}

func (exportCmd) Help() string {
	return `Put the file into records/ of a data directory, and distill learns from it.

  cusp records export > DATA/records/week.jsonl
  sudo cusp records export --state /var/lib/cusp > DATA/records/week.jsonl`
}

func (distillCmd) Help() string {
	return `Examples:

  cusp pack key maker.key
  cusp distill --recipe distill/recipes/tiny.toml --out out/tiny --key maker.key
  cusp distill eval out/tiny/bundle --data DATA

The first recipe takes seconds and needs no data. More: distill/recipes.`
}

func (distillRunCmd) Help() string {
	return `What is done already is not done again: a run that was killed goes on.

  cusp distill --recipe distill/recipes/student.toml --data DATA --out out/student --key maker.key`
}

func (distillEvalCmd) Help() string {
	return `Examples:

  cusp distill eval builtin:student --data DATA
  cusp distill eval out/tiny/bundle --data DATA --json`
}

func (benchCmd) Help() string {
	return `Examples:

  cusp bench                               # a small random model, seconds
  cusp bench --shape qwen2.5-0.5b --threads 1,2
  cusp bench --device cuda model.gguf      # on an NVIDIA GPU: docs/gpu.md
  cusp bench model.gguf --against ~/llama.cpp/build/bin/llama-bench

Several answers at a time share the reading of the weights. More: docs/kernels.md.`
}

func (packCmd) Help() string {
	return `Examples:

  cusp pack daemon --arch arm64 -o dist
  cusp pack cuda --arch arm64 -o dist      # for Jetson boards
  cusp pack model BUNDLE --trust maker.pub -o dist
  cusp pack key --kind repo repo.key
  cusp pack repo dist --key repo.key       # prints the line for apt's sources

With SOURCE_DATE_EPOCH set the same input makes the same bytes.`
}

func (packDaemonCmd) Help() string {
	return `Examples:

  cusp pack daemon --arch arm64 --release 1.2.0 -o dist`
}

func (packCUDACmd) Help() string {
	return `Examples:

  cusp pack cuda --arch arm64 --release 1.2.0 -o dist

Its program is cusp-cuda; the daemon's unit runs it once it is installed. More: docs/gpu.md.`
}

func (packModelCmd) Help() string {
	return `Examples:

  cusp pack model out/tiny/bundle --trust maker.pub -o dist`
}

func (packRepoCmd) Help() string {
	return `Examples:

  cusp pack repo dist --key repo.key
  sudo apt install ./dist/cusp_1.2.0_arm64.deb    # or through the line that it prints`
}

func (packBundleCmd) Help() string {
	return `Examples:

  cusp pack bundle model.gguf --name lights --release 1.0.0 --key maker.key -o lights
  cusp pack bundle lights --release 1.0.1 --calibration calibration.json --key maker.key -o lights-1.0.1

Without a calibration the router sends every question to the cloud, where there is one.`
}

func (packKeyCmd) Help() string {
	return `Examples:

  CUSP_KEY_PASSWORD_FILE=pw cusp pack key maker.key     # and maker.pub beside it
  cusp pack key --kind repo repo.key`
}

func (completionCmd) Help() string {
	return `The Debian package has them. By hand:

  source <(cusp completion bash)           # and likewise for zsh
  cusp completion zsh > ~/.zfunc/_cusp     # with ~/.zfunc in $fpath
  cusp completion fish > ~/.config/fish/completions/cusp.fish`
}

func (manCmd) Help() string {
	return `The Debian package has them. By hand:

  cusp man ~/.local/share/man/man1
  cusp man /tmp/man && man -l /tmp/man/cusp.toml.5`
}

func (listCmd) Help() string {
	return `Private questions have no text.

  cusp records list --since 24h
  cusp records list --route cloud --json | jq -r .answer`
}

func (showCmd) Help() string {
	return `The receipt of an answer, or "cusp records list", has the id.

  cusp records show ID`
}

func (deleteCmd) Help() string {
	return `What is deleted cannot be had back.

  cusp records delete ID
  cusp records delete --before 720h`
}

func (routeExplainCmd) Help() string {
	return `It prints the decision and what it stands on: what must not leave the device, the rules that
were tried, what is used up of budgets, the link, and the confidence of the local model, which
really answers. The cloud is not asked.

  cusp route explain turn on the kitchen light
  cusp route explain --client iot --topic cusp/thermostat-7/about/kitchen 打开客厅的灯
  cusp route explain --private --json "my account is DE89 3704 0044 0532 0130 00" | jq .decision

Rules and budgets are in cusp.toml; see docs/policy.md.`
}

func (routeCalibrateCmd) Help() string {
	return `Every line of a file is a labelled answer; "cusp route label" makes them.

  cusp route label --data DIR --out labelled.jsonl
  cusp route calibrate labelled.jsonl --alpha 0.05 --delta 0.05 --report report/

More: docs/promise.md.`
}

func (routePromiseCmd) Help() string {
	return `It calibrates on one half of every split and counts errors on the other.

  cusp route promise labelled.jsonl --alpha 0.01,0.02,0.05

More: docs/promise.md.`
}

func (routeLabelCmd) Help() string {
	return `The questions were held out from the model's training.

  cusp route label builtin:student --data DIR --out labelled.jsonl

More: docs/promise.md.`
}

func (routeEvalCmd) Help() string {
	return `Without --router it measures the best router there can be, a random one and one
that reads only the question.

  cusp route eval outcomes.jsonl --weak small --strong large --router score --plot curve.svg

More: docs/promise.md.`
}

func (routeIntentsCmd) Help() string {
	return `It learns intents from the training split, over the vectors of an encoder, and
counts on the validation split what stays here and what goes to the cloud.

  cusp route intents --data DIR --encoder all-MiniLM-L6-v2/

More: docs/promise.md.`
}

func (keyDeviceCmd) Help() string {
	return `Every device has one of its own.

  cusp key device lamp.key    # lamp.key stays on the device, lamp.key.pub goes to the workers

More: docs/link.md.`
}

func (keyWorkerCmd) Help() string {
	return `All workers of a fleet share one; several may hold while it is rotated.

  cusp key worker fleet.key   # fleet.key stays with the workers, fleet.key.pub goes to the devices

More: docs/link.md.`
}

func (keyShowCmd) Help() string {
	return `Whoever carries a key over a channel that is not safe compares this over another.

  cusp key show fleet.key.pub`
}
