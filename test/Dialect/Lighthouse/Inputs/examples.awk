# Prints the examples of a .td file, code blocks separated as --split-input-file expects.
/```mlir/ { inside = 1; if (blocks++) print "\n// -----\n"; next }
/```/     { inside = 0 }
inside    { print }
