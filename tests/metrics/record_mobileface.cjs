// What TensorFlow.js makes of faces: node record_mobileface.cjs MODEL.json < pixels > embeddings.json
// Takes N x 112 x 112 x 3 bytes, BGR; gives N x 256 numbers. Run by record_mobileface.py.
const fs = require("fs");
const path = require("path");
const tf = require("@tensorflow/tfjs");

async function main() {
  const model = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
  const [group] = model.weightsManifest;
  const weights = fs.readFileSync(path.join(path.dirname(process.argv[2]), group.paths[0]));
  const weightData = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length);
  const artifacts = { modelTopology: model.modelTopology, weightSpecs: group.weights, weightData };
  await tf.setBackend("cpu");
  const net = await tf.loadGraphModel(tf.io.fromMemory(artifacts));
  const pixels = Float32Array.from(fs.readFileSync(0));
  const embeddings = net.predict(tf.tensor(pixels, [pixels.length / (112 * 112 * 3), 112, 112, 3]));
  process.stdout.write(JSON.stringify(await embeddings.array()));
}

main();
