package simulator

// machine lets fma be an instruction, and conversions of binary16.
var machine = []string{"-mfma", "-mf16c"}
