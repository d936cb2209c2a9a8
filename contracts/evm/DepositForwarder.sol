// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface IBalances {
    function balanceOf(address holder) external view returns (uint256);

    function transfer(address to, uint256 amount) external;
}

/// The code behind every deposit address: it sends what it has to one treasury, and can do nothing else.
/// The treasury is part of the code, so it is the same for every clone and cannot change.
contract DepositForwarder {
    /// The only address that anything is ever sent to.
    address public immutable treasury;

    error NoTreasury();
    error TransferFailed(address token);

    constructor(address treasury_) {
        if (treasury_ == address(0)) revert NoTreasury();
        treasury = treasury_;
    }

    /// The chain's own coin may be sent here too, by mistake or not.
    receive() external payable {}

    /// Sends the whole balance of `token` to the treasury; address zero stands for the chain's own coin.
    /// Anyone may call it, any number of times. Returns what was sent, in base units; 0 sends nothing.
    function flush(address token) external returns (uint256 amount) {
        if (token == address(0)) {
            amount = address(this).balance;
            if (amount == 0) return 0;
            (bool sent, ) = treasury.call{value: amount}("");
            if (!sent) revert TransferFailed(token);
            return amount;
        }
        amount = IBalances(token).balanceOf(address(this));
        if (amount == 0) return 0;
        // Called by hand, because Tether-like tokens answer nothing where the standard says true.
        (bool done, bytes memory answer) = token.call(abi.encodeCall(IBalances.transfer, (treasury, amount)));
        if (!done || (answer.length != 0 && !abi.decode(answer, (bool)))) revert TransferFailed(token);
    }
}
