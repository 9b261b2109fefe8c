package kernel

// attendRows is how many queries one call of the assembly takes: as many as
// there are registers for, four to each.
const attendRows = 4
