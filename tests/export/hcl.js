// What HashiCorp's own code makes of a Terraform configuration: the file as `terraform fmt` lays it out, and
// what it says, as JSON.
//
//     hcl.js FILE
const { readFileSync } = require("fs");
const { format } = require("@cdktn/hcl-tools");
const { parse } = require("@cdktn/hcl2json");

async function main(file) {
  const text = readFileSync(file, "utf8");
  console.log(JSON.stringify({ formatted: await format(text), read: await parse("main.tf", text) }));
}

main(process.argv[1]).then(() => process.exit(0));
