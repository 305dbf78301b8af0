// Reads a ticket with the camera, where the browser knows QR codes and lets a page look: over TLS, or on the machine itself.
export const able = "BarcodeDetector" in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);

const BEGINNING = "MESHGATE:";
const PAUSE_MS = 150;

async function read(detector, video, box) {
  while (box.open) {
    const found = (await detector.detect(video)).find((one) => one.rawValue.startsWith(BEGINNING));
    if (found) return found.rawValue;
    await new Promise((go) => setTimeout(go, PAUSE_MS));
  }
  return "";
}

// Fill in the field that `button` names with what the camera sees; closing the box ends it.
export async function scan(button) {
  const { camera, aim, close, refused } = button.dataset;
  const [box, said, video, end] = ["dialog", "p", "video", "button"].map((name) => document.createElement(name));
  let stream;
  const over = () => stream?.getTracks().forEach((track) => track.stop());
  said.setAttribute("role", "status");
  said.textContent = aim;
  box.setAttribute("aria-label", aim);
  video.muted = video.playsInline = true;
  end.type = "button";
  end.textContent = close;
  end.addEventListener("click", () => box.close());
  box.addEventListener("close", () => {
    over();
    box.remove();
  });
  box.append(said, video, end);
  document.body.append(box);
  box.showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    if (!box.open) return over();
    video.srcObject = stream;
    await video.play();
    const ticket = await read(new BarcodeDetector({ formats: ["qr_code"] }), video, box);
    if (!ticket) return;
    const field = document.getElementById(camera);
    field.value = ticket;
    box.close();
    field.focus();
  } catch {
    said.textContent = refused; // no camera, or nobody lets us look; the ticket can be pasted
  }
}
